# The lines of the vendor's page, as they are written there.
Describe 'The vendor''s documented lines' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
    }
    AfterAll { Clear-Route }

    It 'Add-HcsNetRoute of the current page: the next hop lies inside the destination' {
        $warnings = $null
        $output = Add-HcsNetRoute -InterfaceAlias "Port3" -DestinationPrefix "192.168.20.0/24" -NextHop "192.168.20.1" -RouteMetric 100 -ErrorAction Stop -WarningVariable warnings -WarningAction SilentlyContinue
        $output | Should -BeNullOrEmpty
        "$warnings" | Should -Match '192\.168\.20\.0/24'
    }
    It 'Add-HcsNetRoute of the earlier page' {
        Add-HcsNetRoute -InterfaceAlias "Port3" -DestinationPrefix "192.168.21.0/24" -NextHop "192.168.20.1" -RouteMetric 100 -ErrorAction Stop | Should -BeNullOrEmpty
    }
    It 'Get-HcsNetRoute without quotes' {
        $routes = @(Get-HcsNetRoute -InterfaceAlias Port3)
        $routes.DestinationPrefix | Should -Be '192.168.20.0/24', '192.168.21.0/24'
        $routes[1].State | Should -Be 'Programmed'
        $routes[0].Reason | Should -Be 'Shadowed'
    }
    It 'Remove-HcsNetRoute with port and destination' {
        Remove-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24 | Should -BeNullOrEmpty
        Wait-Until { -not @(Get-HcsNetRoute | Where-Object DestinationPrefix -EQ 192.168.21.0/24) }
    }
    It 'a destination that is a single address' {
        Add-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.22.7 -NextHop 192.168.20.1 -RouteMetric 100 -PassThru |
            ForEach-Object DestinationPrefix | Should -Be '192.168.22.7/32'
    }
}
