# What the views show, and what stands behind them. The objects have the longest values that there are.
Describe 'Views' {
    BeforeDiscovery {
        $kinds = 'Route', 'Target', 'Path', 'Event', 'Interface', 'AuditRecord', 'TestResult'
        $views = foreach ($kind in $kinds) {
            foreach ($width in 79, 80, 120) {
                foreach ($deserialized in $false, $true) { @{ Kind = $kind; Width = $width; Deserialized = $deserialized } }
            }
        }
    }
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        $PSStyle.OutputRendering = 'PlainText'
        $prefix = '2001:1111:2222:3333:4444:5555:6666:7777/128'
        $hop = '2001:1111:2222:3333:4444:5555:6666:8888'
        $node = 'k8s-worker-of-a-site-with-35-letter'
        $answer = ConvertFrom-Json -InputObject @"
{"interface":"Port10","destination":"$prefix","next_hop":"$hop","metric":65535,"address_family":"IPv6","state":"PROGRAMMED",
 "cause":"NEXT_HOP_UNREACHABLE","nodes":[{"node":"k8s-master","state":"PROGRAMMED"},{"node":"k8s-worker","state":"WAITING","cause":"NEXT_HOP_UNREACHABLE"}]}
"@
        # An object as a cmdlet makes it of an answer, or as it arrives from a remote session.
        function New-Sample {
            param([string]$Kind, $Answer, [switch]$Deserialized)
            $made = & (Get-Module -Name HcsNetRoute) {
                switch ($args[0]) {
                    'Route' { ConvertTo-HcsRoute $args[1] }
                    'Target' { New-HcsRouteTarget @{ InterfaceAlias = $args[1].interface; DestinationPrefix = $args[1].destination; NextHop = $args[1].next_hop; RouteMetric = $args[1].metric } }
                    'Path' { ConvertTo-HcsRoutePath -Path $args[1] -RemoteIPAddress 2001::1 }
                    'Event' { ConvertTo-HcsRouteEvent @{ kind = 'REMOVED'; route = $args[1]; revision = 7 } }
                    'Interface' { ConvertTo-HcsRouteInterface $args[1] }
                    'Node' { ConvertTo-HcsRouteNode $args[1] }
                    'AuditRecord' { ConvertTo-HcsRouteAudit $args[1] }
                    'TestResult' { New-HcsRouteObject 'HcsNetRoute.TestResult' (ConvertTo-HcsRoute $args[1] | ForEach-Object { [ordered]@{ InterfaceAlias = $_.InterfaceAlias; DestinationPrefix = $_.DestinationPrefix; NextHop = $_.NextHop; RouteMetric = $_.RouteMetric } }) }
                }
            } $Kind $Answer
            if (-not $Deserialized) { return $made }
            [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($made, 3))
        }
        # A view as lines, none of them wider than the window and none cut off.
        function Get-View {
            param($Sample, [int]$Width)
            $text = $Sample | Out-String -Width $Width
            $lines = @($text -split "`r?`n" | ForEach-Object { $_.TrimEnd() })
            @($lines | Where-Object { $_.Length -gt $Width }) | Should -BeNullOrEmpty
            $text | Should -Not -Match ('\.\.\.|' + [char]0x2026)
            $lines
        }
    }
    AfterAll { Clear-Route }

    It '<Kind> shows the longest IPv6 addresses whole in <Width> columns, deserialized: <Deserialized>' -ForEach $views {
        $given = switch ($Kind) {
            'Path' { $answer | Select-Object -Property *, @{ Name = 'node'; Expression = { 'k8s-worker-18-wide' } }, @{ Name = 'ours'; Expression = { $true } } }
            'Interface' { @{ alias = 'vswitch-Port3-w'; addresses = $prefix, $hop; addressing = 'dhcp'; message = 'its address comes from DHCP, which may take it away at any time'; reason = 'INTERFACE_NOT_STATIC' } }
            'AuditRecord' { @{ time = '2026-01-02T03:04:05Z'; actor = 'uid:0(root)'; action = 'set'; before = @("$prefix via $hop on Port10 metric 1"); after = @("$prefix via $hop on Port10 metric 2") } }
            default { $answer }
        }
        $sample = New-Sample -Kind $Kind -Answer $given -Deserialized:$Deserialized
        $sample.PSTypeNames[0] | Should -Be "$(if ($Deserialized) { 'Deserialized.' })HcsNetRoute.$Kind"
        $text = (Get-View $sample $Width) -join "`n"
        foreach ($value in $prefix, $hop) { $text | Should -Match ('(^|\s)' + [regex]::Escape($value) + '(\s|$)') }
        switch ($Kind) {
            'Route' { $text | Should -Match 'NextHopUnreachable' }
            'Path' { $text | Should -Match 'k8s-worker-18-wide .*True' }
            'Interface' { $text | Should -Match 'vswitch-Port3-w ' }
        }
    }
    It 'IPv4 stands under its headings, and a route that fits is one line' {
        foreach ($kind in 'Route', 'Target', 'Path', 'Event') {
            $lines = Get-View (New-Sample $kind ([pscustomobject]@{ interface = 'Port3'; destination = '192.168.200.100/32'; next_hop = '192.168.200.200'; metric = 1; node = 'n'; state = 'PROGRAMMED' })) 80
            $heading = @($lines | Where-Object { $_ })[0]
            $row = @($lines | Where-Object { $_ })[2]
            $row.IndexOf('192.168.200.100/32') | Should -Be $heading.IndexOf('DestinationPrefix') -Because $kind
            $row.IndexOf('192.168.200.200') | Should -Be $heading.IndexOf('NextHop') -Because $kind
            @($lines | Where-Object { $_ }).Count | Should -Be 3 -Because $kind
        }
    }
    It 'an event says why a route waits, and one without a route has an empty row' {
        $waiting = $answer.PSObject.Copy()
        $waiting.state = 'WAITING'
        (Get-View (New-Sample Event $waiting) 80) -join "`n" | Should -Match 'Waiting(.|\n)*NextHopUnreachable'
        @(Get-View (New-Sample Event $null) 80 | Where-Object { $_ })[2] | Should -Match '^\d\d:\d\d:\d\d Removed$'
    }
    It 'a path that could not be asked for says why in whole words' {
        $problem = 'no answer from unix:///run/k8s-worker.sock within five seconds'
        $path = [pscustomobject]@{ node = 'k8s-worker'; problem = $problem }
        ((Get-View (New-Sample Path $path) 80) -join ' ') -replace 'False', '' -replace '\s+', ' ' | Should -Match ([regex]::Escape($problem))
    }
    It 'a VM is shown by its whole name, and its problem in whole words' {
        $problem = 'the agent at tcp://10.0.10.21:7444 refuses the certificate of this service'
        $text = (Get-View (New-Sample Node @{ name = $node; role = 'worker'; connected = $false; problem = $problem; programmed = 10000; waiting = 10000; failed = 10000 }) 79) -join "`n"
        $text | Should -Match "(?m)^$node worker"
        $text | Should -Match 'Failed'
        $text -replace '\s+', ' ' | Should -Match ([regex]::Escape($problem))
    }
    It 'the views of real objects fit as well: <_>' -ForEach 'Get-HcsNetRoute', 'Find-HcsNetRoute fd00:30::7', 'Watch-HcsNetRoute | Select-Object -First 1' {
        Clear-Route
        Add-HcsNetRoute Port3 fd00:30::4444:5555:6666:7777/128 fd00:20::4444:5555:6666:7777
        Add-HcsNetRoute Port3 fd00:30::7/128 fd00:20::1
        $lines = Get-View (& ([scriptblock]::Create($_))) 80
        "$lines" | Should -Match 'fd00:30::(7/128|4444:5555:6666:7777/128)\s'
    }
}

Describe 'Objects as text' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.95.1.0/24 192.168.20.1 100
        Add-HcsNetRoute Port3 10.95.2.0/24 192.168.20.1 100
    }
    AfterAll { Clear-Route }

    It 'have a text, alone and in a list, and a name in Format-Wide: <Line>' -ForEach @(
        @{ Line = 'Get-HcsNetRoute'; Text = '10\.95\.1\.0/24 via 192\.168\.20\.1 on Port3 metric 100'; Wide = '10.95.1.0/24' }
        @{ Line = 'Test-HcsNetRoute Port3 10.96.0.0/16 192.168.20.1'; Text = '10\.96\.0\.0/16 via 192\.168\.20\.1 on Port3 metric 256'; Wide = '10.96.0.0/16' }
        @{ Line = 'Get-HcsNetRouteNode'; Text = 'k8s-master'; Wide = 'k8s-master' }
        @{ Line = 'Get-HcsNetRouteInterface'; Text = 'Port1'; Wide = 'Port1' }
        @{ Line = 'Find-HcsNetRoute 10.95.1.1'; Text = 'k8s-master: 10\.95\.1\.1 by 10\.95\.1\.0/24 via 192\.168\.20\.1'; Wide = 'k8s-master' }
        @{ Line = 'Get-HcsNetRouteAudit -Limit 1'; Text = '\S+ add 10\.95\.2\.0/24 via 192\.168\.20\.1 on Port3 metric 100'; Wide = 'add' }
        @{ Line = 'Watch-HcsNetRoute | Select-Object -First 1'; Text = 'Current 10\.95\.1\.0/24'; Wide = '10.95.1.0/24' }
        @{ Line = '(Get-HcsNetRoute)[0].Nodes'; Text = 'k8s-master: Programmed'; Wide = 'k8s-master' }
    ) {
        $objects = @(& ([scriptblock]::Create($Line)))
        "$($objects[0])" | Should -Match "^$Text$"
        "$objects" | Should -Match "^$Text"
        ($objects | Format-Wide | Out-String).Trim() | Should -Match "^$([regex]::Escape($Wide))(\s|$)"
    }
}

Describe 'ifAlias' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.90.1.0/24 192.168.20.1 100
    }
    AfterAll { Clear-Route }

    It 'finds, groups and selects: <_>' -ForEach 'Get-HcsNetRoute', 'Get-HcsNetRouteInterface', 'Find-HcsNetRoute 10.90.1.1', 'Watch-HcsNetRoute | Select-Object -First 1',
    'Test-HcsNetRoute Port3 10.91.0.0/24 192.168.20.1', 'try { Remove-HcsNetRoute Port3 10.99.0.0/24 -ErrorAction Stop } catch { $_.TargetObject }' {
        $all = @(& ([scriptblock]::Create($_)))
        foreach ($objects in $all, @($all | ForEach-Object { [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($_)) })) {
            $found = @($objects | Where-Object ifAlias -EQ Port3)
            $found.Count | Should -BeGreaterThan 0
            ($found[0] | Select-Object -Property ifAlias).ifAlias | Should -Be 'Port3'
            ($found | Group-Object -Property ifAlias).Name | Should -Be 'Port3'
        }
    }
    It 'is no column of its own in CSV and JSON' {
        Get-HcsNetRoute | ConvertTo-Csv | Should -Not -Match 'ifAlias'
        Get-HcsNetRoute | ConvertTo-Json -Depth 3 | Should -Not -Match 'ifAlias'
    }
}

Describe 'Lists that are empty' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
    }
    It 'have no element' {
        # Each port of the lab has at least a link-local address.
        $made = & (Get-Module -Name HcsNetRoute) { ConvertTo-HcsRouteInterface ([pscustomobject]@{ alias = 'Port5' }); ConvertTo-HcsRoute ([pscustomobject]@{ interface = 'Port3' }) }
        $made[0].IPAddress.Count | Should -Be 0
        $made[1].Nodes.Count | Should -Be 0
        $result = Test-HcsNetRoute Port9 10.90.0.0/16 192.168.20.1
        $result.Accepted | Should -BeFalse
        $result.Nodes.Count | Should -Be 0
        Remove-HcsNetRoute Port3 10.99.0.0/24 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].Exception.Data['Related'].Count | Should -Be 0
    }
}
