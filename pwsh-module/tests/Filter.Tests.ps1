# What filters take, and that an empty one never means everything.
Describe 'A filter that was given and is empty' {
    BeforeDiscovery {
        $filters = @(
            foreach ($name in 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'AddressFamily', 'State') { @{ Command = 'Get-HcsNetRoute'; Name = $name } }
            @{ Command = 'Get-HcsNetRouteInterface'; Name = 'InterfaceAlias' }
            @{ Command = 'Get-HcsNetRouteNode'; Name = 'Name' }
            foreach ($name in 'DestinationPrefix', 'Actor') { @{ Command = 'Get-HcsNetRouteAudit'; Name = $name } }
            @{ Command = 'Find-HcsNetRoute'; Name = 'RemoteIPAddress' }
            @{ Command = 'Find-HcsNetRoute 10.0.0.1'; Name = 'Node' }
            foreach ($name in 'InterfaceAlias', 'DestinationPrefix') { @{ Command = 'Watch-HcsNetRoute'; Name = $name } }
        )
    }
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        # A module whose program is not there: whatever was to be called would be Unavailable.
        $deaf = New-ModuleCopy -Client 'program: nowhere/hcsroute'
    }
    AfterAll { Clear-Route }

    It '<Command> -<Name> is refused before any call' -ForEach $filters {
        $bad = @('$null', '$port', "''", "' '")
        if ((Get-Command -Name $Command.Split(' ')[0]).Parameters[$Name].ParameterType.IsArray) { $bad += '@()', "@('x', `$null)", "@('', 'x')" }
        $calls = foreach ($value in $bad) { "try { `$null = $Command -$Name $value -ErrorAction SilentlyContinue; 'taken: $($value -replace "'", '')' } catch { `$_.FullyQualifiedErrorId }" }
        $id = "BadRequest,$($Command.Split(' ')[0])"
        Invoke-Session "Import-Module -Name '$deaf'; $($calls -join "`n")" | Should -Be @($bad | ForEach-Object { $id })
    }
    It 'a variable that was never set removes nothing' {
        Add-HcsNetRoute Port3 10.92.1.0/24 192.168.20.1
        foreach ($name in 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'AddressFamily', 'State') {
            $port = @{ $name = $null }
            { Get-HcsNetRoute @port | Remove-HcsNetRoute } | Should -Throw -ErrorId 'BadRequest,Get-HcsNetRoute'
        }
        { Get-HcsNetRoute -InterfaceAlias $null | Remove-HcsNetRoute } | Should -Throw '*InterfaceAlias*'
        Get-HcsNetRoute -RouteMetric 0 -ErrorAction SilentlyContinue -ErrorVariable refused | Remove-HcsNetRoute
        $refused[0].FullyQualifiedErrorId | Should -Be 'MetricOutOfRange,Get-HcsNetRoute'
        @(Get-HcsNetRoute).Count | Should -Be 1
    }
    It 'an invisible character is a value, and never means all: <Command> -<Name>' -ForEach $filters {
        Add-HcsNetRoute Port3 10.92.1.0/24 192.168.20.1
        foreach ($character in 0x200B, 0xFEFF, 0xAD, 7) {
            $given = @{ $Name = "$([char]$character)" }
            $found = @(& ([scriptblock]::Create("param(`$given) $Command @given -ErrorAction SilentlyContinue -ErrorVariable script:refused")) $given)
            $found | Should -BeNullOrEmpty
            @($refused).Count | Should -Be 1
            if ($Command -ne 'Get-HcsNetRoute') { continue }
            $row = @{ State = 'Programmed' }
            $row[$Name] = $given[$Name]
            [pscustomobject]$row | Get-HcsNetRoute -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        }
    }
    It 'a name with an invisible character is another name: <_>' -ForEach 'Get-HcsNetRouteInterface "Port$([char]0x200B)3"', 'Get-HcsNetRouteNode "k8s-master$([char]0x200B)"', 'Get-HcsNetRoute "*$([char]0x200B)"' {
        Add-HcsNetRoute Port3 10.92.1.0/24 192.168.20.1
        & ([scriptblock]::Create("$_ -ErrorAction SilentlyContinue")) | Should -BeNullOrEmpty
    }
    It 'a value of megabytes is refused alone: <Command> -<Name>' -ForEach $filters {
        Add-HcsNetRoute Port3 10.92.1.0/24 192.168.20.1
        $good = switch -Wildcard ("$Command $Name") {
            '*InterfaceAlias' { 'Port3' } '*DestinationPrefix' { '10.92.1.0/24' } '*NextHop' { '192.168.20.1' } '*RouteMetric' { '256' } '*AddressFamily' { 'IPv4' } '*State' { 'Programmed' }
            '*Name' { 'k8s-master' } '*Node' { 'k8s-master' } '*RemoteIPAddress' { '10.92.1.1' }
        }
        foreach ($value in ('x' * 2MB), ("$([char]7)" * 300KB)) {
            $given = @{ $Name = $value }
            & ([scriptblock]::Create("param(`$given) $Command @given -ErrorAction SilentlyContinue -ErrorVariable script:refused")) $given | Should -BeNullOrEmpty
            @($refused).Count | Should -Be 1
            "$refused".Length | Should -BeLessThan 2000
            "$refused" | Should -Not -Match 'JSON|a line'
            if (-not $good -or $Command -like 'Watch*') { continue }
            $rows = [pscustomobject]@{ $Name = $value }, [pscustomobject]@{ $Name = $good }
            if ($Name -eq 'Node') { $rows = $rows | Select-Object -Property Node, @{ Name = 'RemoteIPAddress'; Expression = { '10.92.1.1' } } }
            @($rows | & $Command.Split(' ')[0] -ErrorAction SilentlyContinue -ErrorVariable refused).Count | Should -BeGreaterThan 0 -Because 'one row costs no other'
            @($refused).Count | Should -Be 1
        }
    }
    It 'a pattern that is none is refused by name: <_>' -ForEach 'Port[', '[9-0]' {
        foreach ($command in 'Get-HcsNetRoute -InterfaceAlias', 'Get-HcsNetRoute -DestinationPrefix', 'Get-HcsNetRoute -NextHop', 'Get-HcsNetRouteInterface', 'Get-HcsNetRouteNode', 'Watch-HcsNetRoute') {
            { & ([scriptblock]::Create("$command '$_'")) } | Should -Throw "*$([wildcardpattern]::Escape($_))*" -ErrorId "BadRequest,$($command.Split(' ')[0])"
        }
    }
}

Describe 'Piped rows' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.93.1.0/24 192.168.20.1 100
        Add-HcsNetRoute Port3 fd00:93::/64 fd00:20::1 200
        Add-HcsNetRoute Port2 10.93.2.0/24 203.0.113.1 300 -WarningAction SilentlyContinue
    }
    AfterAll { Clear-Route }

    It 'an empty cell is not given' {
        $rows = 'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric,AddressFamily,State', 'Port3,,,,,', ',10.93.2.0/24,,,,', ',,,100,,', ',,,,IPv6,', ',,,,,Waiting' | ConvertFrom-Csv
        (@($rows[0] | Get-HcsNetRoute -ErrorAction Stop)).Count | Should -Be 2
        foreach ($pair in @(1, '10.93.2.0/24'), @(2, '10.93.1.0/24'), @(3, 'fd00:93::/64'), @(4, '10.93.2.0/24')) {
            (@($rows[$pair[0]] | Get-HcsNetRoute -ErrorAction Stop)).DestinationPrefix | Should -Be $pair[1]
        }
        (@([pscustomobject]@{ RemoteIPAddress = '10.93.1.1'; Node = '' } | Find-HcsNetRoute -ErrorAction Stop)).Count | Should -BeGreaterThan 1
    }
    It 'a row that leaves everything empty is an error and never everything: <Command>' -ForEach @(
        @{ Command = 'Get-HcsNetRoute'; Row = @{ InterfaceAlias = ''; DestinationPrefix = ''; NextHop = $null; RouteMetric = ''; AddressFamily = ''; State = '' }; Good = @{ InterfaceAlias = 'Port3' } }
        @{ Command = 'Get-HcsNetRouteInterface'; Row = @{ InterfaceAlias = '' }; Good = @{ InterfaceAlias = 'Port3' } }
        @{ Command = 'Get-HcsNetRouteNode'; Row = @{ Name = $null }; Good = @{ Name = 'k8s-master' } }
        @{ Command = 'Get-HcsNetRouteAudit'; Row = @{ DestinationPrefix = '' }; Good = @{ DestinationPrefix = '10.93.1.0/24' } }
        @{ Command = 'Find-HcsNetRoute'; Row = @{ RemoteIPAddress = '' }; Good = @{ RemoteIPAddress = '10.93.1.1' } }
        @{ Command = 'Find-HcsNetRoute'; Row = @{ RemoteIPAddress = $null }; Good = @{ RemoteIPAddress = '10.93.1.1' } }
    ) {
        $empty = [pscustomobject]($Row + @{ Site = 'A' })
        $found = @($empty | & $Command -ErrorAction SilentlyContinue -ErrorVariable refused)
        $found | Should -BeNullOrEmpty
        @($refused).Count | Should -Be 1
        $refused[0].FullyQualifiedErrorId | Should -Be "BadRequest,$Command"
        @($empty, [pscustomobject]$Good | & $Command -ErrorAction SilentlyContinue).Count | Should -BeGreaterThan 0 -Because 'one row costs no other'
    }
    It 'an explicit filter makes an empty row one of that filter' {
        (@([pscustomobject]@{ InterfaceAlias = '' } | Get-HcsNetRoute -DestinationPrefix 10.93.1.0/24 -ErrorAction Stop)).Count | Should -Be 1
    }
    It 'a bad metric, word or pattern of a row costs no other row' {
        $rows = 'InterfaceAlias,RouteMetric,AddressFamily,State', 'Port3,abc,,', 'Port3,70000,,', 'Port3,0,,', 'Port3,,IPX,', 'Port3,,,Wating', 'Port[,,,', 'Port2,,,' | ConvertFrom-Csv
        $found = @($rows | Get-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused)
        $found.DestinationPrefix | Should -Be '10.93.2.0/24'
        $refused.Count | Should -Be 6
        $text = "$refused"
        foreach ($value in 'abc', '70000', 'IPX', 'Wating', 'Port[') { $text | Should -Match ([regex]::Escape($value)) }
    }
    It 'each bad metric of a list of rows is named' {
        $rows = 'RouteMetric', 'abc', 'xyz', '0100', '100' | ConvertFrom-Csv
        @($rows | Get-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused).DestinationPrefix | Should -Be '10.93.1.0/24'
        $refused.TargetObject | Should -Be 'abc', 'xyz', '0100'
        $refused.FullyQualifiedErrorId | Select-Object -Unique | Should -Be 'MetricOutOfRange,Get-HcsNetRoute'
    }
    It 'a name with brackets is found by itself' {
        $found = & (Get-Module -Name HcsNetRoute) {
            Test-HcsRouteMatch -Query @{ Alias = 'NIC [1]'; Filter = @{}; Prefix = '*'; Hops = @() } -Route @{ interface = 'NIC [1]' }
            Test-HcsRouteMatch -Query @{ Alias = 'NIC [1]'; Filter = @{}; Prefix = '*'; Hops = @() } -Route @{ interface = 'NIC [2]' }
            Test-HcsRouteMatch -Query @{ Alias = 'NIC [1]'; Filter = @{}; Prefix = '*'; Hops = @() } -Route @{ interface = 'NIC 1' }
        }
        $found | Should -Be $true, $false, $true
    }
}

Describe 'Lists of values' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.94.1.0/24 192.168.20.1 100
        Add-HcsNetRoute Port3 fd00:94::/64 fd00:20::1 200
    }
    AfterAll { Clear-Route }

    It '-AddressFamily takes both, as Get-NetRoute does' {
        foreach ($name in 'AddressFamily', 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'State') {
            (Get-Command -Name Get-HcsNetRoute).Parameters[$name].ParameterType.IsArray | Should -BeTrue -Because $name
        }
        @(Get-HcsNetRoute -AddressFamily IPv4, ipv6 -ErrorAction Stop).Count | Should -Be 2
        @(Get-HcsNetRoute -AddressFamily IPv6, IPv6 -ErrorAction Stop).DestinationPrefix | Should -Be 'fd00:94::/64'
    }
    It 'a word that is none is refused by name, whatever else is asked for: <_>' -ForEach 'Get-HcsNetRoute -AddressFamily IPv4, IPX', 'Get-HcsNetRoute -State Wating',
    'Get-HcsNetRoute -DestinationPrefix 10.94.1.0/24 -State Wating', 'Get-HcsNetRoute -DestinationPrefix 10.94.1.0/24 -AddressFamily IPX', 'Get-HcsNetRoute -DestinationPrefix 10.94.1.0/24 -RouteMetric abc' {
        & ([scriptblock]::Create("$_ -ErrorAction SilentlyContinue -ErrorVariable script:refused"))
        @($refused).Count | Should -Be 1
        $refused[0].FullyQualifiedErrorId | Should -BeIn 'BadRequest,Get-HcsNetRoute', 'MetricOutOfRange,Get-HcsNetRoute'
        "$refused" | Should -MatchExactly "\b$(($_ -split ' ')[-1])\b"
    }
    It '-State takes the reasons that routes show: <_>' -ForEach 'Standby', 'STANDBY', 'standby', @('Failed', 'Standby') {
        Add-HcsNetRoute Port3 10.94.1.0/24 192.168.20.2 300
        try { @(Get-HcsNetRoute -State $_ -ErrorAction Stop).RouteMetric | Should -Be 300 }
        finally { Remove-HcsNetRoute Port3 10.94.1.0/24 192.168.20.2 }
    }
    It '-State takes each word that Tab offers' {
        $words = & (Get-Module -Name HcsNetRoute) { Get-HcsRouteStatusWord | ForEach-Object { $_.Text } }
        $words.Count | Should -BeGreaterThan 25
        @(Get-HcsNetRoute -State $words -ErrorAction Stop).Count | Should -Be 2
    }
    It '-State names its words in the module''s spelling where one is none' {
        Get-HcsNetRoute -State Wating -ErrorAction SilentlyContinue -ErrorVariable refused
        $action = $refused[0].ErrorDetails.RecommendedAction
        foreach ($one in 'Waiting', 'Standby', 'LinkDown') { $action | Should -MatchExactly "\b$one\b" }
        $action | Should -Not -Match '_'
        "$refused" | Should -MatchExactly 'Wating'
    }
    It 'a destination in the port''s place, or a port in the destination''s, is answered with the parameter: <Line>' -ForEach @(
        @{ Line = 'Get-HcsNetRoute 10.94.1.0/24'; Hint = '10.94.1.0/24 is an address. Give a destination with -DestinationPrefix' }
        @{ Line = 'Remove-HcsNetRoute 10.94.1.0/24 192.168.20.1'; Hint = '10.94.1.0/24 is an address. Give a destination with -DestinationPrefix' }
        @{ Line = 'Set-HcsNetRoute 10.94.1.0/24 192.168.20.1 -RouteMetric 7'; Hint = '10.94.1.0/24 is an address. Give a destination with -DestinationPrefix' }
        @{ Line = 'Add-HcsNetRoute 10.94.8.0/24 192.168.20.1 Port3'; Hint = '10.94.8.0/24 is an address. Give a destination with -DestinationPrefix' }
        @{ Line = 'Remove-HcsNetRoute 10.94.1.0/24 Port3'; Hint = '10.94.1.0/24 is an address. Give a destination with -DestinationPrefix' }
        @{ Line = 'Get-HcsNetRoute -DestinationPrefix Port3'; Hint = 'Port3 is not an address. Give a port first, or with -InterfaceAlias' }
    ) {
        & ([scriptblock]::Create("$Line -ErrorAction SilentlyContinue -ErrorVariable script:refused"))
        @($refused).Count | Should -Be 1
        $refused[0].ErrorDetails.RecommendedAction | Should -Match ([regex]::Escape($Hint))
        @(Get-HcsNetRoute).Count | Should -Be 2
    }
    It 'Test-HcsNetRoute gives the same advice' {
        (Test-HcsNetRoute 10.94.8.0/24 192.168.20.1 Port3).RecommendedAction | Should -Match 'Give a destination with -DestinationPrefix'
    }
    It 'a route that is there in another state or with another metric is no error' {
        Get-HcsNetRoute -DestinationPrefix 10.94.1.0/24 -State Failed -ErrorAction Stop | Should -BeNullOrEmpty
        Get-HcsNetRoute -DestinationPrefix 10.94.1.0/24, fd00:94::/64 -RouteMetric 100 -ErrorAction Stop | ForEach-Object DestinationPrefix | Should -Be '10.94.1.0/24'
        Get-HcsNetRoute -DestinationPrefix 10.94.9.0/24 -State Failed -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Get-HcsNetRoute'
    }
    It 'Find answers for the nodes that there are, and names the other once' {
        $paths = @(Find-HcsNetRoute 10.94.1.1, 10.94.1.2 -Node k8s-master, nope -ErrorAction SilentlyContinue -ErrorVariable refused)
        $paths.Node | Should -Be 'k8s-master', 'k8s-master'
        $paths.RemoteIPAddress | Should -Be '10.94.1.1', '10.94.1.2'
        @($refused).Count | Should -Be 1
        $refused[0].FullyQualifiedErrorId | Should -Be 'NotFound,Find-HcsNetRoute'
        $refused[0].TargetObject | Should -Be 'nope'
        @(Find-HcsNetRoute 10.94.1.1 -Node k8s-master, K8S-MASTER -ErrorAction Stop).Count | Should -Be 1
    }
}
