Describe 'Get-HcsNetRoute' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.30.1.0/24 192.168.20.1 100
        Add-HcsNetRoute Port3 10.30.2.0/24 192.168.20.2 200
        Add-HcsNetRoute Port3 fd00:30::/64 fd00:20::1 300
        Add-HcsNetRoute Port2 10.30.4.0/24 203.0.113.1 400 -WarningAction SilentlyContinue
    }
    AfterAll { Clear-Route }

    It 'gives all custom routes and no system route without arguments' {
        @(Get-HcsNetRoute).DestinationPrefix | Sort-Object | Should -Be '10.30.1.0/24', '10.30.2.0/24', '10.30.4.0/24', 'fd00:30::/64'
    }
    It 'takes <Arguments>' -ForEach @(
        @{ Arguments = @{ InterfaceAlias = 'Port3' }; Count = 3 }
        @{ Arguments = @{ InterfaceAlias = 'port3' }; Count = 3 }
        @{ Arguments = @{ ifAlias = 'Port3', 'Port2' }; Count = 4 }
        @{ Arguments = @{ InterfaceAlias = 'Port*' }; Count = 4 }
        @{ Arguments = @{ InterfaceAlias = 'Port[3-9]' }; Count = 3 }
        @{ Arguments = @{ InterfaceAlias = 'Port3', 'P*2' }; Count = 4 }
        @{ Arguments = @{ InterfaceAlias = 'X*' }; Count = 0 }
        @{ Arguments = @{ DestinationPrefix = '10.30.1.0/24' }; Count = 1 }
        @{ Arguments = @{ DestinationPrefix = '10.30.1.0/24', 'FD00:0030::/64' }; Count = 2 }
        @{ Arguments = @{ DestinationPrefix = '10.30.*' }; Count = 3 }
        @{ Arguments = @{ DestinationPrefix = '11.*' }; Count = 0 }
        @{ Arguments = @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.30.1.0/24', '10.30.2.0/24' }; Count = 2 }
        @{ Arguments = @{ InterfaceAlias = 'Port3', 'Port2'; DestinationPrefix = '10.30.1.0/24' }; Count = 1 }
        @{ Arguments = @{ NextHop = '192.168.20.2' }; Count = 1 }
        @{ Arguments = @{ NextHop = '192.168.20.*' }; Count = 2 }
        @{ Arguments = @{ NextHop = '192.168.20.1', '203.*' }; Count = 2 }
        @{ Arguments = @{ RouteMetric = 100, 300 }; Count = 2 }
        @{ Arguments = @{ AddressFamily = 'IPv6' }; Count = 1 }
        @{ Arguments = @{ State = 'Programmed' }; Count = 3 }
        @{ Arguments = @{ State = 'Programmed', 'Waiting' }; Count = 4 }
        @{ Arguments = @{ DestinationPrefix = '10.30.1.0/24'; State = 'Failed' }; Count = 0 }
        @{ Arguments = @{ DestinationPrefix = '10.30.1.0/24'; RouteMetric = 100; AddressFamily = 'IPv4'; State = 'Programmed' }; Count = 1 }
    ) {
        @(Get-HcsNetRoute @Arguments -ErrorAction Stop).Count | Should -Be $Count
    }
    It 'returns nothing for a known port without routes' {
        Get-HcsNetRoute -InterfaceAlias Port6 -ErrorAction Stop | Should -BeNullOrEmpty
    }
    It 'warns once where routes changed while they were read: <Changed>' -ForEach @(@{ Changed = $true }, @{ Changed = $false }) {
        $service = Join-Path -Path $TestDrive -ChildPath "service-$Changed"
        $done = '"type":"done","counts":{"created":0,"updated":0,"unchanged":0,"removed":0,"refused":0},"acknowledged":true,"revision":7'
        if ($Changed) { $done += ',"changed":true' }
        Set-Content -LiteralPath $service -Value '#!/bin/sh', 'for id in 1 2; do', "echo '{`"v`":1,`"id`":`"'`$id'`",$done}'", 'done'
        & chmod +x $service
        $copy = New-ModuleCopy -Client "program: $service"
        Invoke-Session "Import-Module -Name '$copy'; Get-HcsNetRoute Port2, Port3 -WarningAction SilentlyContinue -WarningVariable w; @(`$w).Count" |
            Should -Be ([int]$Changed)
    }
    It 'writes a non-terminating ObjectNotFound for an unknown port, and goes on with the others' {
        $routes = Get-HcsNetRoute -InterfaceAlias Port9, Port3 -ErrorAction SilentlyContinue -ErrorVariable refused
        @($routes).Count | Should -Be 3
        @($refused).Count | Should -Be 1
        $refused[0].FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,Get-HcsNetRoute'
        $refused[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $refused[0].TargetObject | Should -Be 'Port9'
    }
    It 'writes a non-terminating ObjectNotFound for an absent destination' {
        $routes = Get-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 9.9.9.0/24, 10.30.1.0/24 -ErrorAction SilentlyContinue -ErrorVariable refused
        @($routes).Count | Should -Be 1
        $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Get-HcsNetRoute'
        $refused[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $refused[0].TargetObject | Should -Be '9.9.9.0/24'
        @($refused).Count | Should -Be 1
    }
    It 'binds by property name' {
        @([pscustomobject]@{ InterfaceAlias = 'Port3'; RouteMetric = '100' } | Get-HcsNetRoute).Count | Should -Be 1
        @(Get-HcsNetRoute | Get-HcsNetRoute).Count | Should -Be 4
        @(Get-HcsNetRouteInterface -InterfaceAlias Port3 | Get-HcsNetRoute).Count | Should -Be 3
    }
    It 'stops early when a later command has enough' {
        (Get-HcsNetRoute | Select-Object -First 1).DestinationPrefix | Should -Not -BeNullOrEmpty
    }
    It 'says why a route waits, in the same row' {
        $route = Get-HcsNetRoute -InterfaceAlias Port2
        $route.State, $route.Reason | Should -Be 'Waiting', 'NoNodeNic'
        $route.Detail | Should -Not -BeNullOrEmpty
        $row = ($route | Out-String -Width 80) -split "`n" | Where-Object { $_ -match '10\.30\.4\.0/24' }
        $row | Should -Match 'Waiting: NoNodeNic'
    }
    It 'fits 80 columns: <_>' -ForEach 'Get-HcsNetRoute', 'Get-HcsNetRoute | Format-List', 'Get-HcsNetRouteInterface', 'Get-HcsNetRouteNode', 'Get-HcsNetRouteAudit',
    'Find-HcsNetRoute 10.30.1.1', 'Test-HcsNetRoute Port3 10.31.0.0/24 192.168.20.1', 'Watch-HcsNetRoute | Select-Object -First 2', '(Get-HcsNetRoute | Select-Object -First 1).Nodes' {
        $PSStyle.OutputRendering = 'PlainText'
        $text = & ([scriptblock]::Create($_)) | Out-String -Width 80
        $text.Trim() | Should -Not -BeNullOrEmpty
        @($text -split "`r?`n" | Where-Object { $_.Length -gt 80 }) | Should -BeNullOrEmpty
        $text | Should -Not -Match ('\.\.\.|' + [char]0x2026) -Because 'nothing is cut off'
    }
}

Describe 'The other cmdlets that look' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 192.168.21.0/24 192.168.20.1 100
    }
    AfterAll { Clear-Route }

    It 'Test-HcsNetRoute tells what Add would do on every VM, without doing it' {
        $result = Test-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 10.32.0.0/16 -NextHop 192.168.20.1
        $result.PSTypeNames[0] | Should -Be 'HcsNetRoute.TestResult'
        $result.Accepted, $result.Outcome, $result.RouteMetric | Should -Be $true, 'Created', 256
        $result.Nodes.Node | Should -Contain 'k8s-master'
        @(Get-HcsNetRoute).Count | Should -Be 1
    }
    It 'Test-HcsNetRoute gives refusals as results' {
        $results = @(
            [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '192.168.21.0/24'; NextHop = '192.168.20.1'; RouteMetric = '100' }
            [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '172.27.1.0/24'; NextHop = '192.168.20.1'; RouteMetric = '' }
            [pscustomobject]@{ InterfaceAlias = 'Port4'; DestinationPrefix = '10.32.0.0/16'; NextHop = '192.168.40.1'; RouteMetric = '5' }
        ) | Test-HcsNetRoute -ErrorAction Stop
        $results.Outcome | Should -Be 'Unchanged', 'Refused', 'Refused'
        $results[1].Reason, $results[2].Reason | Should -Be 'ProtectedPrefix', 'InterfaceNotStatic'
        $results[1].RecommendedAction | Should -Not -BeNullOrEmpty
        Test-HcsNetRoute Port3 10.32.0.0/16 192.168.20.1 -Quiet | Should -BeTrue
        Test-HcsNetRoute Port3 172.27.1.0/24 192.168.20.1 -Quiet | Should -BeFalse
    }
    It 'Find-HcsNetRoute marks the custom route on each VM' {
        $paths = Find-HcsNetRoute -RemoteIPAddress 192.168.21.15
        @($paths).Count | Should -BeGreaterThan 1
        $paths.IsCustom | Select-Object -Unique | Should -BeTrue
        $paths.DestinationPrefix | Select-Object -Unique | Should -Be '192.168.21.0/24'
        (Find-HcsNetRoute 8.8.8.8 -Node k8s-master).IsCustom | Should -BeFalse
    }
    It 'objects with a VM can be piped to the cmdlets that take one' {
        $all = @(Get-HcsNetRouteNode)
        @(Get-HcsNetRouteNode | Find-HcsNetRoute 192.168.21.15 -ErrorAction Stop).Node | Should -Be $all.Name
        @((Get-HcsNetRoute)[0].Nodes | Find-HcsNetRoute 192.168.21.15 -ErrorAction Stop).Node | Should -Be $all.Name
        @((Get-HcsNetRoute)[0].Nodes | Get-HcsNetRouteNode -ErrorAction Stop).Name | Should -Be $all.Name
        @(Find-HcsNetRoute 192.168.21.15 | Get-HcsNetRouteNode -ErrorAction Stop).Name | Should -Be $all.Name
    }
    It 'Find-HcsNetRoute refuses what is not an address, and answers for the others' {
        $paths = Find-HcsNetRoute -RemoteIPAddress camera, 192.168.21.15 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].TargetObject | Should -Be 'camera'
        $paths.RemoteIPAddress | Select-Object -Unique | Should -Be '192.168.21.15'
    }
    It 'Get-HcsNetRouteInterface says why each port can or cannot take routes' {
        $ports = Get-HcsNetRouteInterface
        ($ports | Where-Object InterfaceAlias -EQ Port3).AcceptsRoutes | Should -BeTrue
        $dhcp = $ports | Where-Object InterfaceAlias -EQ Port4
        $dhcp.AcceptsRoutes, $dhcp.Reason | Should -Be $false, 'InterfaceNotStatic'
        $dhcp.Message | Should -Not -BeNullOrEmpty
        ($ports | Where-Object InterfaceAlias -EQ Port5).Reason | Should -Be 'InterfaceTeamed'
        ($ports | Where-Object InterfaceAlias -EQ Port1).Reason | Should -Be 'HostRoute'
        (Get-HcsNetRouteInterface Port3).RouteCount | Should -Be 1
        Get-HcsNetRouteInterface Port9 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,Get-HcsNetRouteInterface'
    }
    It 'Get-HcsNetRouteNode gives the VMs and their state' {
        $nodes = Get-HcsNetRouteNode
        ($nodes | Where-Object Name -EQ k8s-master).Role | Should -Be 'master'
        $nodes.Connected | Select-Object -Unique | Should -BeTrue
        (Get-HcsNetRouteNode k8s-m*).Programmed | Should -Be 1
        Get-HcsNetRouteNode nobody -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Get-HcsNetRouteNode'
    }
    It 'Get-HcsNetRouteAudit gives who changed what, the newest first' {
        $start = Get-Date
        Set-HcsNetRoute Port3 192.168.21.0/24 -RouteMetric 90
        $record = Get-HcsNetRouteAudit -Limit 1
        $record.Action | Should -Be 'set'
        $record.Before | Should -Match 'metric 100'
        $record.After | Should -Match 'metric 90'
        # Flat text, as Export-Csv needs it.
        ($record | ConvertTo-Csv -NoTypeInformation) -join "`n" | Should -Match 'metric 100'
        $record.Actor | Should -Not -BeNullOrEmpty
        @(Get-HcsNetRouteAudit -Since $start.AddSeconds(-1)).Count | Should -BeGreaterOrEqual 1
        Get-HcsNetRouteAudit -Since $start.AddHours(1) | Should -BeNullOrEmpty
        Get-HcsNetRouteAudit -Until $start.AddYears(-1) | Should -BeNullOrEmpty
        (Get-HcsNetRouteAudit -DestinationPrefix 192.168.21.0/24 -Limit 1).Action | Should -Be 'set'
        Get-HcsNetRouteAudit -Actor nobody | Should -BeNullOrEmpty
        Set-HcsNetRoute Port3 192.168.21.0/24 -RouteMetric 100
    }
    It 'Watch-HcsNetRoute gives the routes as they are, then changes, and its program ends with it' {
        $events = Watch-HcsNetRoute -InterfaceAlias Port3 | Select-Object -First 2
        $events.Kind | Should -Be 'Current', 'InSync'
        $events[0].DestinationPrefix | Should -Be '192.168.21.0/24'
        $shell = [powershell]::Create()
        $null = $shell.AddScript('Import-Module HcsNetRoute; Watch-HcsNetRoute -ChangesOnly -InterfaceAlias Port3 | Where-Object Kind -eq Added | Select-Object -First 1')
        $run = $shell.BeginInvoke()
        Wait-Until { Add-HcsNetRoute Port3 10.33.1.0/24 192.168.20.1; Remove-HcsNetRoute Port3 10.33.1.0/24; $run.IsCompleted }
        @($shell.EndInvoke($run))[0].DestinationPrefix | Should -Be '10.33.1.0/24'
        $shell.Dispose()
        Wait-Until { -not (Get-OwnProgram) }
    }
    It 'Ctrl+C ends a watch and its program' {
        $shell = [powershell]::Create()
        $null = $shell.AddScript('Import-Module HcsNetRoute; Watch-HcsNetRoute')
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $run = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        Wait-Until { $output.Count -gt 0 }
        Get-OwnProgram | Should -Not -BeNullOrEmpty
        $shell.Stop()
        $run.IsCompleted | Should -BeTrue
        Wait-Until { -not (Get-OwnProgram) }
        $shell.Dispose()
    }
}
