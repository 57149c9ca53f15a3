# 10,000 routes of one CSV file: through the module, and through the program itself.
Describe '10,000 routes by CSV' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        $count = 10000
        $file = Join-Path -Path $TestDrive -ChildPath 'routes.csv'
        $rows = for ($i = 0; $i -lt $count; $i++) { "Port3,10.$(80 + [math]::Floor($i / 65536)).$([math]::Floor($i / 256) % 256).$($i % 256)/32,192.168.20.1,$(100 + $i % 7)" }
        Set-Content -LiteralPath $file -Value (@('InterfaceAlias,DestinationPrefix,NextHop,RouteMetric') + $rows)
        $other = Join-Path -Path $TestDrive -ChildPath 'program.csv'
        Set-Content -LiteralPath $other -Value (@('interface,destination,next_hop,metric') + $rows)
        function Clear-Bulk {
            $routes = @(Get-HcsNetRoute | Where-Object -Property State -NE -Value 'Removing')
            if ($routes) { $routes | Remove-HcsNetRoute -TimeoutSec 60 }
            Wait-Until -Seconds 120 { -not @(Get-HcsNetRoute) }
        }
    }
    AfterAll { Clear-Bulk }

    It 'takes at most twice the program''s own time for the same file, plus one second' {
        $address = Get-ClientSetting address
        # The better of two runs of each: the machine may be at work with something else.
        $program = $module = [timespan]::MaxValue
        foreach ($round in 1, 2) {
            $watch = [System.Diagnostics.Stopwatch]::StartNew()
            $said = & "$env:HCSROUTE_TEST_BIN/hcsroute" "--address=$address" add --from $other --timeout 60s 2>&1
            $watch.Stop()
            $LASTEXITCODE | Should -Be 0 -Because "$said"
            if ($watch.Elapsed -lt $program) { $program = $watch.Elapsed }
            Clear-Bulk
            $watch.Restart()
            Import-Csv -LiteralPath $file | Add-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop
            $watch.Stop()
            if ($watch.Elapsed -lt $module) { $module = $watch.Elapsed }
            if ($round -eq 1) { Clear-Bulk }
        }
        $read = [System.Diagnostics.Stopwatch]::StartNew()
        $routes = @(Get-HcsNetRoute)
        $read.Stop()
        $routes.Count | Should -Be $count
        @($routes | Where-Object State -NE 'Programmed').Count | Should -Be 0
        $remove = [System.Diagnostics.Stopwatch]::StartNew()
        $routes | Remove-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop
        $remove.Stop()
        Write-Host ('10,000 routes: program {0:n1} s; Import-Csv | Add-HcsNetRoute {1:n1} s; Get-HcsNetRoute {2:n1} s; | Remove-HcsNetRoute {3:n1} s' -f
            $program.TotalSeconds, $module.TotalSeconds, $read.Elapsed.TotalSeconds, $remove.Elapsed.TotalSeconds)
        $module.TotalSeconds | Should -BeLessOrEqual (2 * $program.TotalSeconds + 1)
    }
}
