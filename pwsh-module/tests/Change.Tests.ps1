Describe 'Add-, Set- and Remove-HcsNetRoute' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
    }
    BeforeEach { Clear-Route }
    AfterAll { Clear-Route }

    Context 'Add' {
        It 'is silent, takes the parameters by position, and 256 is the default metric' {
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 | Should -BeNullOrEmpty
            Add-HcsNetRoute Port3 10.20.2.0/24 192.168.20.1 77
            @(Get-HcsNetRoute).RouteMetric | Should -Be 256, 77
        }
        It 'gives the route with -PassThru, with the documented properties in order' {
            $route = Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 -PassThru
            $route.PSTypeNames[0] | Should -Be 'HcsNetRoute.Route'
            $route.PSObject.Properties.Name | Should -Be @('InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'AddressFamily',
                'State', 'Reason', 'Detail', 'Revision', 'CreatedBy', 'CreatedTime', 'Nodes')
            $route.State | Should -Be 'Programmed'
            $route.AddressFamily | Should -Be 'IPv4'
            $route.CreatedTime | Should -BeOfType datetime
            [math]::Abs(([datetime]::Now - $route.CreatedTime).TotalMinutes) | Should -BeLessThan 5
            $route.Nodes.State | Select-Object -Unique | Should -Be 'Programmed'
            $route.Nodes[0].PSObject.Properties.Name | Should -Be @('Node', 'State', 'Reason', 'Detail', 'Revision', 'Time', 'ReportAge')
            foreach ($age in $route.Nodes.ReportAge) {
                $age | Should -BeOfType timespan
                $age.TotalSeconds | Should -BeIn (0..3600)
            }
        }
        It 'is idempotent, refuses another metric, and replaces it with -Force' {
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 100
            $first = Get-HcsNetRoute
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 100 -ErrorAction Stop
            (Get-HcsNetRoute).Revision | Should -Be $first.Revision
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 101 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'AlreadyExists,Add-HcsNetRoute'
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 101 -Force -ErrorAction Stop
            (Get-HcsNetRoute).RouteMetric | Should -Be 101
        }
        It 'takes 0.0.0.0 and :: as on-link' {
            Add-HcsNetRoute Port3 10.20.3.0/24 0.0.0.0 -ErrorAction Stop
            Add-HcsNetRoute Port3 fd00:77::/48 :: -ErrorAction Stop
            @(Get-HcsNetRoute).NextHop | Sort-Object | Should -Be @('0.0.0.0', '::' | Sort-Object)
        }
        It 'takes IPv6' {
            (Add-HcsNetRoute Port3 FD00:0077:1::/48 fd00:20::1 -PassThru).AddressFamily | Should -Be 'IPv6'
        }
        It 'returns at once with -NoWait' {
            Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 -NoWait -ErrorAction Stop
            Wait-Until { (Get-HcsNetRoute).State -eq 'Programmed' }
        }
        It 'does not read the pipeline variable of its caller' {
            1 | ForEach-Object { Add-HcsNetRoute Port3 10.20.1.0/24 192.168.20.1 0 -ErrorAction SilentlyContinue -ErrorVariable refused }
            $refused[0].FullyQualifiedErrorId | Should -Be 'MetricOutOfRange,Add-HcsNetRoute'
        }
        It 'has the vendor''s syntax and standard support' {
            $command = Get-Command -Name Add-HcsNetRoute
            # Text, so that the service judges what a file has in that column.
            $command.Parameters['RouteMetric'].ParameterType | Should -Be ([string])
            $command.Parameters['InterfaceAlias'].Aliases | Should -Contain 'ifAlias'
            'WhatIf', 'Confirm', 'Force', 'PassThru', 'NoWait', 'TimeoutSec' | Should -BeIn @($command.Parameters.Keys)
        }
    }

    Context 'Pipelines' {
        It 'Import-Csv adds the good lines and refuses each bad one with its input as target' {
            $file = Join-Path -Path $TestDrive -ChildPath 'routes.csv'
            Set-Content -LiteralPath $file -Value 'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric,Site', 'Port3,10.21.1.0/24,192.168.20.1,100,A',
                'Port3,10.21.2.1/24,192.168.20.1,100,B', 'Port9,10.21.3.0/24,192.168.20.1,100,C', 'Port3,,192.168.20.1,100,D', 'Port3,10.21.4.0/24,192.168.20.1,,E'
            Import-Csv -LiteralPath $file | Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
            @(Get-HcsNetRoute).DestinationPrefix | Should -Be '10.21.1.0/24', '10.21.4.0/24'
            (Get-HcsNetRoute -DestinationPrefix 10.21.4.0/24).RouteMetric | Should -Be 256 -Because 'an empty cell is no metric'
            $refused.FullyQualifiedErrorId | Should -Be 'DestinationHostBits,Add-HcsNetRoute', 'InterfaceNotFound,Add-HcsNetRoute', 'DestinationInvalid,Add-HcsNetRoute'
            $refused.TargetObject.Site | Should -Be 'B', 'C', 'D'
        }
        It 'reads the metric of a file as the program reads it everywhere' {
            $file = Join-Path -Path $TestDrive -ChildPath 'metrics.csv'
            Set-Content -LiteralPath $file -Value 'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric', 'Port3,10.21.6.0/24,192.168.20.1,0100', 'Port3,10.21.7.0/24,192.168.20.1,0x64', 'Port3,10.21.8.0/24,192.168.20.1,100'
            Import-Csv -LiteralPath $file | Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused.FullyQualifiedErrorId | Should -Be 'MetricOutOfRange,Add-HcsNetRoute', 'MetricOutOfRange,Add-HcsNetRoute'
            "$($refused[0])" | Should -Match '0100'
            @(Get-HcsNetRoute).DestinationPrefix | Should -Be '10.21.8.0/24'
            Import-Csv -LiteralPath $file | Add-HcsNetRoute -RouteMetric 7 -Force -ErrorAction Stop
            @(Get-HcsNetRoute).RouteMetric | Should -Be 7, 7, 7
        }
        It 'a bad line costs no good one under $ErrorActionPreference Stop either' {
            $rows = @(
                [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.21.2.1/24'; NextHop = '192.168.20.1' }
                [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.21.5.0/24'; NextHop = '192.168.20.1' }
            )
            { $rows | Add-HcsNetRoute -ErrorAction Stop } | Should -Throw -ErrorId 'DestinationHostBits,Add-HcsNetRoute'
            (Get-HcsNetRoute).DestinationPrefix | Should -Be '10.21.5.0/24'
        }
        It 'goes to CSV and back' {
            Add-HcsNetRoute Port3 10.21.1.0/24 192.168.20.1 100
            Add-HcsNetRoute Port3 fd00:21::/64 fd00:20::1
            $file = Join-Path -Path $TestDrive -ChildPath 'saved.csv'
            Get-HcsNetRoute | Export-Csv -LiteralPath $file -NoTypeInformation
            $before = Get-HcsNetRoute | Select-Object InterfaceAlias, DestinationPrefix, NextHop, RouteMetric | ConvertTo-Csv
            Clear-Route
            Import-Csv -LiteralPath $file | Add-HcsNetRoute -ErrorAction Stop
            Get-HcsNetRoute | Select-Object InterfaceAlias, DestinationPrefix, NextHop, RouteMetric | ConvertTo-Csv | Should -Be $before
            Import-Csv -LiteralPath $file | Remove-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused.FullyQualifiedErrorId | Should -Be 'RevisionMismatch,Remove-HcsNetRoute', 'RevisionMismatch,Remove-HcsNetRoute' -Because 'these are other routes now'
            Get-HcsNetRoute | Export-Csv -LiteralPath $file -NoTypeInformation
            Import-Csv -LiteralPath $file | Remove-HcsNetRoute -ErrorAction Stop
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'takes deserialised objects' {
            Add-HcsNetRoute Port3 10.21.1.0/24 192.168.20.1 100
            $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Get-HcsNetRoute), 2))
            $copy.PSTypeNames[0] | Should -Be 'Deserialized.HcsNetRoute.Route'
            $copy | Set-HcsNetRoute -RouteMetric 5 -ErrorAction Stop
            (Get-HcsNetRoute).RouteMetric | Should -Be 5
            $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Get-HcsNetRoute), 2))
            $copy | Remove-HcsNetRoute -ErrorAction Stop
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'is one process, whatever its length' {
            $log = Join-Path -Path $TestDrive -ChildPath 'started'
            $wrapper = Join-Path -Path $TestDrive -ChildPath 'wrapper'
            Set-Content -LiteralPath $wrapper -Value '#!/bin/sh', "echo x >> '$log'", "exec '$env:HCSROUTE_TEST_BIN/hcsroute' `"`$@`""
            & chmod +x $wrapper
            $copy = New-ModuleCopy -Client "program: $wrapper", "address: $(Get-ClientSetting address)"
            try {
                Remove-Module -Name HcsNetRoute
                Import-Module -Name $copy
                1..1200 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.22.$([int][math]::Floor($_ / 250)).$($_ % 250)/32"; NextHop = '192.168.20.1' } } |
                    Add-HcsNetRoute -ErrorAction Stop
                @(Get-Content -LiteralPath $log).Count | Should -Be 1
                @(Get-HcsNetRoute).Count | Should -Be 1200
            }
            finally {
                Remove-Module -Name HcsNetRoute
                Import-Module -Name HcsNetRoute
            }
        }
        It 'does nothing for an empty pipeline' {
            @() | Add-HcsNetRoute -ErrorAction Stop | Should -BeNullOrEmpty
            @() | Remove-HcsNetRoute -ErrorAction Stop | Should -BeNullOrEmpty
            @() | Get-HcsNetRoute -ErrorAction Stop | Should -BeNullOrEmpty
        }
    }

    Context 'Set' {
        BeforeEach { Add-HcsNetRoute Port3 10.23.1.0/24 192.168.20.1 100 }
        It 'changes the metric' {
            Set-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 10.23.1.0/24 -RouteMetric 50 -ErrorAction Stop | Should -BeNullOrEmpty
            (Get-HcsNetRoute).RouteMetric | Should -Be 50
        }
        It 'changes the next hop and keeps the metric' {
            $route = Set-HcsNetRoute Port3 10.23.1.0/24 -NewNextHop 192.168.20.2 -PassThru
            $route.NextHop, $route.RouteMetric | Should -Be '192.168.20.2', 100
            Wait-Until { @(Get-HcsNetRoute).Count -eq 1 }
            (Get-HcsNetRoute).NextHop | Should -Be '192.168.20.2'
        }
        It 'takes the routes of Get by pipeline' {
            Get-HcsNetRoute -InterfaceAlias Port3 | Set-HcsNetRoute -NewNextHop 192.168.20.3 -RouteMetric 9 -ErrorAction Stop
            Wait-Until { @(Get-HcsNetRoute).Count -eq 1 }
            $route = Get-HcsNetRoute
            $route.NextHop, $route.RouteMetric | Should -Be '192.168.20.3', 9
        }
        It 'refuses what is not there, and what is ambiguous, listing it' {
            Set-HcsNetRoute Port3 10.23.9.0/24 -RouteMetric 1 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Set-HcsNetRoute'
            $refused[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
            Add-HcsNetRoute Port3 10.23.1.0/24 192.168.20.2 200
            Set-HcsNetRoute Port3 10.23.1.0/24 -RouteMetric 1 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'Ambiguous,Set-HcsNetRoute'
            $refused[0].Exception.Data['Related'].Count | Should -Be 2
            Set-HcsNetRoute Port3 10.23.1.0/24 -NextHop 192.168.20.2 -RouteMetric 300 -ErrorAction Stop
            @(Get-HcsNetRoute).RouteMetric | Sort-Object | Should -Be 100, 300
        }
    }

    Context 'Remove' {
        BeforeEach {
            Add-HcsNetRoute Port3 10.24.1.0/24 192.168.20.1 100
            Add-HcsNetRoute Port3 10.24.1.0/24 192.168.20.2 200
            Add-HcsNetRoute Port3 10.24.2.0/24 192.168.20.1 100
        }
        It 'refuses several matches, listing them, and takes the next hop or -All' {
            Remove-HcsNetRoute Port3 10.24.1.0/24 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'Ambiguous,Remove-HcsNetRoute'
            "$($refused[0])" | Should -Match '192\.168\.20\.1.*192\.168\.20\.2'
            @(Get-HcsNetRoute).Count | Should -Be 3
            Remove-HcsNetRoute Port3 10.24.1.0/24 -NextHop 192.168.20.2 -ErrorAction Stop
            Wait-Until { @(Get-HcsNetRoute).Count -eq 2 }
            Add-HcsNetRoute Port3 10.24.1.0/24 192.168.20.2 200
            Remove-HcsNetRoute Port3 10.24.1.0/24 -All -ErrorAction Stop
            Wait-Until { @(Get-HcsNetRoute).Count -eq 1 }
        }
        It 'needs port and destination: there is no way to remove everything by leaving them out' {
            foreach ($name in 'InterfaceAlias', 'DestinationPrefix') {
                (Get-Command -Name Remove-HcsNetRoute).Parameters[$name].ParameterSets['Value'].IsMandatory | Should -BeTrue
            }
            { Remove-HcsNetRoute -InterfaceAlias '' -DestinationPrefix '' } | Should -Throw -ErrorId 'BadRequest,Remove-HcsNetRoute'
            Remove-HcsNetRoute -InterfaceAlias '*' -DestinationPrefix '*' -ErrorAction SilentlyContinue -ErrorVariable refused
            Get-HcsNetRouteInterface | Remove-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable +refused
            $refused.Count | Should -Be (1 + @(Get-HcsNetRouteInterface).Count)
            @(Get-HcsNetRoute).Count | Should -Be 3
        }
        It 'gives what it removed with -PassThru' {
            (Remove-HcsNetRoute Port3 10.24.2.0/24 -PassThru).DestinationPrefix | Should -Be '10.24.2.0/24'
        }
        It 'gives nothing with -PassThru where -IfExists left nothing to remove' {
            Remove-HcsNetRoute Port3 10.24.9.0/24 -IfExists -PassThru -ErrorAction Stop | Should -BeNullOrEmpty
        }
        It 'takes the routes of Get by pipeline' {
            Get-HcsNetRoute -InterfaceAlias Port3 | Remove-HcsNetRoute -ErrorAction Stop | Should -BeNullOrEmpty
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'refuses what is not there' {
            Remove-HcsNetRoute Port3 10.24.9.0/24 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Remove-HcsNetRoute'
        }
        It 'refuses to remove twice, whether or not a VM has proved the first removal, except with -IfExists' {
            Remove-HcsNetRoute Port3 10.24.2.0/24 -NoWait -ErrorAction Stop
            Remove-HcsNetRoute Port3 10.24.2.0/24 -ErrorVariable refused -ErrorAction SilentlyContinue
            $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Remove-HcsNetRoute'
            Remove-HcsNetRoute Port3 10.24.2.0/24 -IfExists -ErrorAction Stop | Should -BeNullOrEmpty
            Wait-Until { @(Get-HcsNetRoute).Count -eq 2 }
            Remove-HcsNetRoute Port3 10.24.2.0/24 -IfExists -ErrorAction Stop | Should -BeNullOrEmpty
        }
    }

    Context 'What has changed since it was read' {
        BeforeEach { Add-HcsNetRoute Port3 10.26.1.0/24 192.168.20.1 100 }
        It 'is refused, and not written over: <Kind>' -ForEach @(
            @{ Kind = 'a route'; Read = { Get-HcsNetRoute } }
            @{ Kind = 'a deserialised route'; Read = { [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Get-HcsNetRoute), 2)) } }
            @{ Kind = 'a row of a file'; Read = { Get-HcsNetRoute | ConvertTo-Csv | ConvertFrom-Csv } }
            @{ Kind = 'an event'; Read = { Watch-HcsNetRoute | Where-Object DestinationPrefix | Select-Object -First 1 } }
            @{ Kind = 'the target of an error'; Read = { Get-HcsNetRoute | Set-HcsNetRoute -NewNextHop 10.9.9.9 -RouteMetric 70000 -ErrorAction SilentlyContinue -ErrorVariable failed; $failed[0].TargetObject } }
        ) {
            $stale = & $Read
            Set-HcsNetRoute Port3 10.26.1.0/24 -RouteMetric 60 -ErrorAction Stop
            $stale | Set-HcsNetRoute -RouteMetric 70 -ErrorAction SilentlyContinue -ErrorVariable refused
            $stale | Remove-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable +refused
            $refused.FullyQualifiedErrorId | Should -Be 'RevisionMismatch,Set-HcsNetRoute', 'RevisionMismatch,Remove-HcsNetRoute'
            (Get-HcsNetRoute).RouteMetric | Should -Be 60
            & $Read | Set-HcsNetRoute -RouteMetric 80 -ErrorAction Stop
            (Get-HcsNetRoute).RouteMetric | Should -Be 80
            & $Read | Remove-HcsNetRoute -ErrorAction Stop
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'is not asked where another route is named, or the row has no revision' {
            $stale = Get-HcsNetRoute
            Add-HcsNetRoute Port3 10.26.2.0/24 192.168.20.1 100
            Set-HcsNetRoute Port3 10.26.1.0/24 -RouteMetric 60
            $stale | Set-HcsNetRoute -DestinationPrefix 10.26.2.0/24 -RouteMetric 61 -ErrorAction Stop
            $stale | Select-Object -Property InterfaceAlias, DestinationPrefix, NextHop | Set-HcsNetRoute -RouteMetric 62 -ErrorAction Stop
            @(Get-HcsNetRoute).RouteMetric | Should -Be 62, 61
        }
    }

    Context 'Lists' {
        BeforeEach { 1, 2 | ForEach-Object { foreach ($hop in 1, 2) { Add-HcsNetRoute Port3 "10.27.$_.0/24" "192.168.20.$hop" "$($hop)00" } } }
        It 'Set and Remove take each of several values' {
            Set-HcsNetRoute Port3 10.27.1.0/24, 10.27.2.0/24 -NextHop 192.168.20.2 -RouteMetric 300 -ErrorAction Stop
            @(Get-HcsNetRoute -NextHop 192.168.20.2).RouteMetric | Should -Be 300, 300
            Remove-HcsNetRoute Port3, Port9 10.27.1.0/24, 10.27.2.0/24 192.168.20.1, 192.168.20.2 -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused.FullyQualifiedErrorId | Select-Object -Unique | Should -Be 'NotFound,Remove-HcsNetRoute'
            $refused.Count | Should -Be 4
            $refused.TargetObject.InterfaceAlias | Select-Object -Unique | Should -Be 'Port9'
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
    }

    Context 'WhatIf and Confirm' {
        It 'shows each row as the rows before it leave the routes' {
            Add-HcsNetRoute Port3 10.25.9.0/24 192.168.20.1 100
            $lines = Invoke-Child @'
Import-Module HcsNetRoute
$new = [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.25.1.0/24'; NextHop = '192.168.20.1' }
$new, $new | Add-HcsNetRoute -WhatIf
$old = Get-HcsNetRoute | Select-Object -Property InterfaceAlias, DestinationPrefix, NextHop
$old, $old | Remove-HcsNetRoute -WhatIf -ErrorAction SilentlyContinue
"$($Error.Count) $($Error[0].FullyQualifiedErrorId) $($Error[0])"
'@
            @($lines -match 'What if:.*Add the route 10\.25\.1\.0/24').Count | Should -Be 1
            @($lines -match 'What if:.*Leave the route 10\.25\.1\.0/24.*as it is').Count | Should -Be 1
            @($lines -match 'What if:.*Remove the route 10\.25\.9\.0/24').Count | Should -Be 1
            @($lines -match '^1 NotFound,Remove-HcsNetRoute .*\b10\.25\.9\.0/24\b').Count | Should -Be 1
            (Get-HcsNetRoute).DestinationPrefix | Should -Be '10.25.9.0/24'
        }
        It 'shows a second change of one route as refused: <Command>' -ForEach @(
            @{ Command = 'Set-HcsNetRoute -RouteMetric 50 -WhatIf'; Effect = 'Change the route to 10\.25\.9\.0/24.*metric 50'; Refused = 'RevisionMismatch,Set-HcsNetRoute' }
            @{ Command = 'Remove-HcsNetRoute -WhatIf'; Effect = 'Remove the route 10\.25\.9\.0/24'; Refused = 'NotFound,Remove-HcsNetRoute' }
        ) {
            Add-HcsNetRoute Port3 10.25.9.0/24 192.168.20.1 100
            $lines = Invoke-Child "Import-Module HcsNetRoute; `$route = Get-HcsNetRoute; `$route, `$route | $Command -ErrorAction SilentlyContinue; `$Error.FullyQualifiedErrorId"
            @($lines -match "What if:.*$Effect").Count | Should -Be 1
            $lines | Should -Contain $Refused
            (Get-HcsNetRoute).RouteMetric | Should -Be 100
        }
        It 'asks with what would come, and does it after Yes: <Command>' -ForEach @(
            @{ Command = 'Set-HcsNetRoute Port3 10.25.8.0/24 -RouteMetric 55 -Confirm'; Asked = '10\.25\.8\.0/24 on Port3: metric 55"'; Left = '192.168.20.1 55' }
            @{ Command = 'Get-HcsNetRoute | Set-HcsNetRoute -NewNextHop 192.168.20.2 -Confirm'; Asked = '10\.25\.8\.0/24 via 192\.168\.20\.1 on Port3: metric 100: next hop 192\.168\.20\.2"'; Left = '192.168.20.2 100' }
            @{ Command = 'Add-HcsNetRoute Port3 10.25.8.0/24 192.168.20.1 55 -Force -Confirm'; Asked = '10\.25\.8\.0/24 via 192\.168\.20\.1 on Port3 metric 55"'; Left = '192.168.20.1 55' }
            @{ Command = 'Remove-HcsNetRoute Port3 10.25.8.0/24 -Confirm'; Asked = '"10\.25\.8\.0/24 on Port3"'; Left = $null }
            @{ Command = 'Remove-HcsNetRoute Port3 10.25.8.0/24 -All -Confirm'; Asked = '"all routes to 10\.25\.8\.0/24 on Port3"'; Left = $null }
        ) {
            Add-HcsNetRoute Port3 10.25.8.0/24 192.168.20.1 100
            $file = Join-Path -Path $TestDrive -ChildPath 'asked.ps1'
            Set-Content -LiteralPath $file -Value 'Import-Module HcsNetRoute', $Command -Encoding UTF8
            $lines = 'Y' | & (Get-Process -Id $PID).Path -NoProfile -File $file 2>&1
            # The prompt is wrapped at the width of the window.
            "$lines" -replace '\s+', ' ' | Should -Match $Asked
            Wait-Until { "$(Get-HcsNetRoute | ForEach-Object { "$($_.NextHop) $($_.RouteMetric)" })" -eq "$Left" }
        }
        It 'shows the effect on each VM and changes nothing' {
            $lines = Invoke-Child "Import-Module HcsNetRoute; Add-HcsNetRoute Port3 10.25.1.0/24 192.168.20.1 -WhatIf; Add-HcsNetRoute Port3 10.25.1.1/24 192.168.20.1 -WhatIf"
            "$lines" | Should -Match 'What if:.*10\.25\.1\.0/24 via 192\.168\.20\.1 on Port3 metric 256.*k8s-master'
            "$lines" | Should -Match '10\.25\.1\.1/24: bits are set'
            Get-HcsNetRoute | Should -BeNullOrEmpty
        }
        It 'says where nothing would change: <Command>' -ForEach @(
            @{ Command = 'Add-HcsNetRoute Port3 10.25.9.0/24 192.168.20.1 100'; Said = 'Leave the route 10.25.9.0/24 via 192.168.20.1 on Port3 metric 100 as it is.' }
            @{ Command = 'Set-HcsNetRoute Port3 10.25.9.0/24 -RouteMetric 100'; Said = 'Leave the route 10.25.9.0/24 via 192.168.20.1 on Port3 metric 100 as it is.' }
            @{ Command = 'Remove-HcsNetRoute Port3 10.25.8.0/24 -IfExists'; Said = 'Remove nothing: no route to 10.25.8.0/24 on Port3 is stored.' }
        ) {
            Add-HcsNetRoute Port3 10.25.9.0/24 192.168.20.1 100
            Invoke-Child "Import-Module HcsNetRoute; $Command -WhatIf" | Should -Be "What if: $Said"
        }
        It 'honours $WhatIfPreference of the caller''s script' {
            & { $WhatIfPreference = $true; Add-HcsNetRoute Port3 10.25.1.0/24 192.168.20.1 }
            Get-HcsNetRoute | Should -BeNullOrEmpty
        }
        It 'asks nothing by default, and -Confirm:$false works' {
            Add-HcsNetRoute Port3 10.25.1.0/24 192.168.20.1 -Confirm:$false
            Remove-HcsNetRoute Port3 10.25.1.0/24 -Confirm:$false
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'asks with -Confirm: a session that cannot ask changes nothing' {
            $lines = Invoke-Child "Import-Module HcsNetRoute; Add-HcsNetRoute Port3 10.25.1.0/24 192.168.20.1 -Confirm"
            "$lines" | Should -Match 'NonInteractive|prompt'
            Get-HcsNetRoute | Should -BeNullOrEmpty
        }
    }
}
