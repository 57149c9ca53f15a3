# 10,000 routes of one CSV file through the module.
Describe '10,000 routes by CSV' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        $count = 10000
        # What PowerShell itself works, in seconds of a processor: other work on the machine does not count.
        function Measure-Work {
            param([scriptblock]$Work)
            $before = (Get-Process -Id $PID).TotalProcessorTime
            $null = . $Work
            ((Get-Process -Id $PID).TotalProcessorTime - $before).TotalSeconds
        }
        function New-RouteFile {
            param([int]$Count)
            $file = Join-Path -Path $TestDrive -ChildPath "$Count.csv"
            Set-Content -LiteralPath $file -Value (@('InterfaceAlias,DestinationPrefix,NextHop,RouteMetric') + @(for ($i = 0; $i -lt $Count; $i++) {
                        "Port3,10.$(80 + [math]::Floor($i / 65536)).$([math]::Floor($i / 256) % 256).$($i % 256)/32,192.168.20.1,$(100 + $i % 7)"
                    }))
            $file
        }
    }
    AfterAll { Clear-Route }

    It 'are added, listed and removed, and the work grows no faster than the routes' {
        $small = New-RouteFile 1000
        $few = Measure-Work { Import-Csv -LiteralPath $small | Add-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop }
        Clear-Route
        $file = New-RouteFile $count
        $add = Measure-Work { Import-Csv -LiteralPath $file | Add-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop }
        $get = Measure-Work { $script:routes = @(Get-HcsNetRoute) }
        $routes.Count | Should -Be $count
        Wait-Until { -not @(Get-HcsNetRoute | Where-Object State -NE 'Programmed') }
        $remove = Measure-Work { $routes | Remove-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop }
        Wait-Until { -not @(Get-HcsNetRoute) }
        Write-Host ('Import-Csv | Add-HcsNetRoute: {0:n1} s of a processor for 1,000, {1:n1} s for 10,000; Get-HcsNetRoute {2:n1} s; | Remove-HcsNetRoute {3:n1} s' -f $few, $add, $get, $remove)
        # Ten times as many; a cost by the square would be a hundred times.
        $add | Should -BeLessOrEqual (30 * $few + 1)
    }
}
