# 10,000 routes of one CSV file through the module. How long it takes is for the
# bench to say: a test that compared times would fail by what else the machine does.
Describe '10,000 routes by CSV' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
    }
    AfterAll { Clear-Route }

    It 'are added, listed and removed' {
        $count = 10000
        $file = Join-Path -Path $TestDrive -ChildPath 'routes.csv'
        Set-Content -LiteralPath $file -Value (@('InterfaceAlias,DestinationPrefix,NextHop,RouteMetric') + @(for ($i = 0; $i -lt $count; $i++) {
                    "Port3,10.80.$([math]::Floor($i / 256)).$($i % 256)/32,192.168.20.1,$(100 + $i % 7)"
                }))
        Import-Csv -LiteralPath $file | Add-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop
        $routes = @(Get-HcsNetRoute)
        $routes.Count | Should -Be $count
        Wait-Until { -not @(Get-HcsNetRoute | Where-Object State -NE 'Programmed') }
        $routes | Remove-HcsNetRoute -TimeoutSec 60 -ErrorAction Stop
        Wait-Until { -not @(Get-HcsNetRoute) }
    }
}
