Describe 'Errors, warnings and preferences' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.1 100
    }
    AfterAll { Clear-Route }

    It '<Id> of <Category>: <Arguments>' -ForEach @(
        @{ Arguments = 'Port3', 'camera', '192.168.20.1', 100; Id = 'DestinationInvalid'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '224.0.0.0/8', '192.168.20.1', 100; Id = 'DestinationInvalid'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '10.40.2.1/24', '192.168.20.1', 100; Id = 'DestinationHostBits'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '0.0.0.0/0', '192.168.20.1', 100; Id = 'DefaultRoute'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '172.27.1.0/24', '192.168.20.1', 100; Id = 'ProtectedPrefix'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '10.40.2.0/24', 'gateway', 100; Id = 'NextHopInvalid'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '10.40.2.0/24', '10.9.9.9', 100; Id = 'NextHopNotOnLink'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port3', '10.40.2.0/24', '192.168.20.1', 0; Id = 'MetricOutOfRange'; Category = 'InvalidArgument' }
        @{ Arguments = 'Port9', '10.40.2.0/24', '192.168.20.1', 100; Id = 'InterfaceNotFound'; Category = 'ObjectNotFound' }
        @{ Arguments = 'Port1', '10.40.2.0/24', '10.10.1.1', 100; Id = 'HostRoute'; Category = 'InvalidOperation' }
        @{ Arguments = 'Port4', '10.40.2.0/24', '192.168.40.1', 100; Id = 'InterfaceNotStatic'; Category = 'InvalidOperation' }
        @{ Arguments = 'Port5', '10.40.2.0/24', '192.168.50.1', 100; Id = 'InterfaceTeamed'; Category = 'InvalidOperation' }
        @{ Arguments = 'Port3', '192.168.20.64/26', '192.168.20.1', 100; Id = 'OverridesOnLink'; Category = 'InvalidOperation' }
        @{ Arguments = 'Port3', '10.40.1.0/24', '192.168.20.1', 101; Id = 'AlreadyExists'; Category = 'ResourceExists' }
        @{ Arguments = 'Port3', '10.40.1.0/24', '192.168.20.2', 100; Id = 'MetricConflict'; Category = 'ResourceExists' }
    ) {
        Add-HcsNetRoute @Arguments -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.Count | Should -Be 1
        $record = $refused[0]
        $record.FullyQualifiedErrorId | Should -Be "$Id,Add-HcsNetRoute"
        "$($record.CategoryInfo.Category)" | Should -Be $Category
        $record.TargetObject.InterfaceAlias | Should -Be $Arguments[0]
        $record.TargetObject.DestinationPrefix | Should -Be $Arguments[1]
        $record.TargetObject.RouteMetric | Should -Be $Arguments[3]
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $record.Exception.Data['Reason'] | Should -Be ($Id -creplace '(?<!^)([A-Z])', '_$1').ToUpperInvariant()
        $record.Exception.Message | Should -BeLike "*$($record.Exception.Data['Value'])*"
        $record.InvocationInfo.MyCommand.Name | Should -Be 'Add-HcsNetRoute'
        # The switches of the program are not the cmdlet's.
        "$record $($record.ErrorDetails.RecommendedAction)" | Should -Not -Match '(^|\s)--\w'
    }
    It 'DestinationFull of LimitsExceeded: the row without room at its destination, no other, in <Culture>' -ForEach @{ Culture = 'en-US' }, @{ Culture = 'ko-KR' }, @{ Culture = 'ja-JP' } {
        $thread = [System.Threading.Thread]::CurrentThread
        $before = $thread.CurrentUICulture
        try {
            $thread.CurrentUICulture = [cultureinfo]::GetCultureInfo($Culture)
            $rows = @(1..65 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.40.64.0/24'; NextHop = "192.168.20.$(100 + $_)"; RouteMetric = $_ } })
            $rows + [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.40.65.0/24'; NextHop = '192.168.20.1' } |
                Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
            Add-HcsNetRoute Port3 10.40.64.0/24 192.168.20.1 900 -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +refused
        }
        finally { $thread.CurrentUICulture = $before }
        @(Get-HcsNetRoute -DestinationPrefix 10.40.64.0/24).Count | Should -Be 64
        @(Get-HcsNetRoute -DestinationPrefix 10.40.65.0/24).Count | Should -Be 1
        Remove-HcsNetRoute Port3 10.40.64.0/24 -All
        $refused.FullyQualifiedErrorId | Should -Be 'DestinationFull,Add-HcsNetRoute', 'DestinationFull,Add-HcsNetRoute'
        foreach ($record in $refused) {
            "$($record.CategoryInfo.Category)" | Should -Be 'LimitsExceeded'
            "$record" | Should -Match '^\w+ 10\.40\.64\.0/24: .*64'
            "$record $($record.ErrorDetails.RecommendedAction)" | Should -Not -Match '--|get /|[{}\[\]]'
        }
        $refused[0].TargetObject.RouteMetric | Should -Be 65
        Wait-Until { -not @(Get-HcsNetRoute | Where-Object -Property DestinationPrefix -EQ -Value '10.40.64.0/24') }
    }
    It 'names cmdlets and their switches, not those of the program, in <Culture>' -ForEach @{ Culture = 'en-US' }, @{ Culture = 'ko-KR' }, @{ Culture = 'ja-JP' } {
        $thread = [System.Threading.Thread]::CurrentThread
        $before = $thread.CurrentUICulture
        try {
            $thread.CurrentUICulture = [cultureinfo]::GetCultureInfo($Culture)
            Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.2 200
            Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.1 101 -ErrorAction SilentlyContinue -ErrorVariable refused
            Remove-HcsNetRoute Port3 10.40.1.0/24 -ErrorAction SilentlyContinue -ErrorVariable +refused
            Remove-HcsNetRoute Port3 10.40.9.0/24 -ErrorAction SilentlyContinue -ErrorVariable +refused
            $tested = Test-HcsNetRoute Port3 10.40.1.0/24 192.168.20.1 101
            Remove-HcsNetRoute Port3 10.40.1.0/24 192.168.20.2
        }
        finally { $thread.CurrentUICulture = $before }
        $refused.FullyQualifiedErrorId | Should -Be 'AlreadyExists,Add-HcsNetRoute', 'Ambiguous,Remove-HcsNetRoute', 'NotFound,Remove-HcsNetRoute'
        $actions = @($refused.ErrorDetails.RecommendedAction) + $tested.RecommendedAction
        $actions[0] | Should -Match '(^|\s)-Force'
        $actions[1] | Should -Match '(^|\s)-All'
        $actions[2] | Should -Match 'Get-HcsNetRoute'
        $actions[3] | Should -Match '(^|\s)-Force'
        foreach ($text in $actions + @($refused | ForEach-Object { "$_" })) { $text | Should -Not -Match '--|get /' }
    }
    It 'no advice names a parameter that the cmdlet does not have: <_>' -ForEach 'Get-HcsNetRouteAudit nope', 'Get-HcsNetRoute -DestinationPrefix nope', 'Find-HcsNetRoute nope', 'Set-HcsNetRoute Port3 10.40.1.0/24 -RouteMetric 5',
    'Set-HcsNetRoute Port3 10.40.1.0/24 -NextHop 192.168.20.2 -NewNextHop 192.168.20.1 -RouteMetric 5', 'Remove-HcsNetRoute Port3 10.40.1.0/24', 'Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.2 100', 'Get-HcsNetRouteInterface 10.0.0.0/8' {
        Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.2 200
        try { & ([scriptblock]::Create("$_ -ErrorAction SilentlyContinue -ErrorVariable script:refused")) }
        finally { Remove-HcsNetRoute Port3 10.40.1.0/24 192.168.20.2 }
        @($refused).Count | Should -Be 1
        $action = $refused[0].ErrorDetails.RecommendedAction
        $action | Should -Not -BeNullOrEmpty
        foreach ($named in [regex]::Matches($action, '(?<=(^|\s)-)[A-Z]\w+').Value) { (Get-Command -Name $_.Split(' ')[0]).Parameters.Keys | Should -Contain $named }
    }
    It 'the error of what cannot be a port says where the ports are listed: <_>' -ForEach "Port*", "", "Po?t3" {
        [pscustomobject]@{ InterfaceAlias = $_; DestinationPrefix = '10.40.1.0/24' } | Remove-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,Remove-HcsNetRoute'
        $refused[0].ErrorDetails.RecommendedAction | Should -Be 'Use a port that Get-HcsNetRouteInterface lists.'
        if ($_) { "$($refused[0])" | Should -Match 'wildcard' }
    }
    It 'the error of an address without a route of its own does not say that nothing leads to it' {
        Get-HcsNetRoute -DestinationPrefix 10.40.1.7 -ErrorAction SilentlyContinue -ErrorVariable refused
        "$($refused[0])" | Should -Be 'No custom route has the destination 10.40.1.7.'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match 'Find-HcsNetRoute'
    }
    It 'an address in the place of the port hints at -DestinationPrefix: <Value>' -ForEach @{ Value = '10.40.1.0/24' }, @{ Value = 'fd00:40::/64' }, @{ Value = '10.40.1.7' } {
        Get-HcsNetRoute $Value -ErrorAction SilentlyContinue -ErrorVariable refused
        Add-HcsNetRoute $Value 10.40.1.0/24 192.168.20.1 -ErrorAction SilentlyContinue -ErrorVariable +refused
        $refused.FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,Get-HcsNetRoute', 'InterfaceNotFound,Add-HcsNetRoute'
        foreach ($action in $refused.ErrorDetails.RecommendedAction) { $action | Should -Match "$([regex]::Escape($Value)).*-DestinationPrefix" }
        Get-HcsNetRoute Port9 -ErrorAction SilentlyContinue -ErrorVariable other
        $other[0].ErrorDetails.RecommendedAction | Should -Not -Match '-DestinationPrefix'
    }

    It 'in <Culture>: the sentence is in that language, the id and the operator''s own value are the same' -ForEach @(
        @{ Culture = 'en-US'; Pattern = 'bits are set'; Warning = 'has no external switch' }
        @{ Culture = 'ko-KR'; Pattern = '\p{IsHangulSyllables}'; Warning = '\p{IsHangulSyllables}' }
        @{ Culture = 'ja-JP'; Pattern = '\p{IsHiragana}'; Warning = '\p{IsHiragana}' }
        @{ Culture = 'fr-FR'; Pattern = 'bits are set'; Warning = 'has no external switch' }
        @{ Culture = ''; Pattern = 'bits are set'; Warning = 'has no external switch' }
    ) {
        $thread = [System.Threading.Thread]::CurrentThread
        $before = $thread.CurrentUICulture, $thread.CurrentCulture
        try {
            $thread.CurrentUICulture = $thread.CurrentCulture = [cultureinfo]::GetCultureInfo($Culture)
            Add-HcsNetRoute Port3 10.40.2.1/24 192.168.20.1 -ErrorAction SilentlyContinue -ErrorVariable refused
            Add-HcsNetRoute Port2 10.41.0.0/16 203.0.113.1 1 -WarningAction SilentlyContinue -WarningVariable warned
            $route = Get-HcsNetRoute -InterfaceAlias Port2
            Remove-HcsNetRoute Port2 10.41.0.0/16
        }
        finally { $thread.CurrentUICulture, $thread.CurrentCulture = $before }
        $refused[0].FullyQualifiedErrorId | Should -Be 'DestinationHostBits,Add-HcsNetRoute'
        "$($refused[0])" | Should -Match $Pattern
        "$($refused[0])" | Should -Match '10\.40\.2\.1/24'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match '10\.40\.2\.0/24'
        "$warned" | Should -Match $Warning
        "$warned" | Should -Match 'Port2'
        $route.State, $route.Reason, $route.RouteMetric | Should -Be 'Waiting', 'NoNodeNic', 1
    }

    It 'works with decimal commas, other calendars and other digits: <_>' -ForEach 'de-DE', 'ar-SA', 'th-TH', 'tr-TR', 'fa-IR' {
        $thread = [System.Threading.Thread]::CurrentThread
        $before = $thread.CurrentCulture
        try {
            $thread.CurrentCulture = [cultureinfo]::GetCultureInfo($_)
            Add-HcsNetRoute Port3 10.42.0.0/16 192.168.20.1 1234 -ErrorAction Stop
            $route = Get-HcsNetRoute -DestinationPrefix 10.42.0.0/16
            @(Get-HcsNetRouteAudit -Since (Get-Date).AddMinutes(-5) -Limit 1 -ErrorAction Stop).Count | Should -Be 1
            Set-HcsNetRoute Port3 10.42.0.0/16 -RouteMetric 12 -ErrorAction Stop
            Remove-HcsNetRoute Port3 10.42.0.0/16 -ErrorAction Stop
        }
        finally { $thread.CurrentCulture = $before }
        $route.RouteMetric | Should -Be 1234
        [math]::Abs(([datetime]::Now - $route.CreatedTime).TotalMinutes) | Should -BeLessThan 5
    }

    It 'the preference Stop of a script is honoured, and the error caught has the same id' {
        $caught = & {
            $ErrorActionPreference = 'Stop'
            try { Add-HcsNetRoute Port3 10.40.2.1/24 192.168.20.1; 'not reached' } catch { $_ }
        }
        $caught.FullyQualifiedErrorId | Should -Be 'DestinationHostBits,Add-HcsNetRoute'
    }
    It 'the preference SilentlyContinue of a script is honoured' {
        $shown = & {
            $ErrorActionPreference = 'SilentlyContinue'
            $WarningPreference = 'SilentlyContinue'
            Add-HcsNetRoute Port3 10.40.2.1/24 192.168.20.1
        } 2>&1 3>&1
        $shown | Should -BeNullOrEmpty
    }
    It 'works under StrictMode Latest, Stop, any $OFS and native error preferences' {
        $lines = Invoke-Session @'
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
$OFS = '~'
$OutputEncoding = [System.Text.Encoding]::Unicode
$PSDefaultParameterValues['*:Verbose'] = $false
Import-Module -Name HcsNetRoute
Add-HcsNetRoute Port3 10.43.1.0/24 192.168.20.1 5
Set-HcsNetRoute Port3 10.43.1.0/24 -RouteMetric 6
$null = & { Get-HcsNetRouteInterface; Get-HcsNetRouteNode; Get-HcsNetRouteAudit -Limit 2; Find-HcsNetRoute 10.43.1.1; Test-HcsNetRoute Port3 10.44.0.0/16 192.168.20.1 } | Out-String
Get-HcsNetRoute -DestinationPrefix 10.43.1.0/24 | Format-List | Out-String | Out-Null
(TabExpansion2 'Get-HcsNetRoute -InterfaceAlias ').CompletionMatches.Count -gt 0
(Get-HcsNetRoute -DestinationPrefix 10.43.1.0/24).RouteMetric
Get-HcsNetRoute Port3 | Where-Object DestinationPrefix -eq 10.43.1.0/24 | Remove-HcsNetRoute
try { Add-HcsNetRoute Port3 10.43.1.1/24 192.168.20.1 } catch { $_.FullyQualifiedErrorId }
@(Get-Variable -Name LASTEXITCODE -Scope Global -ErrorAction Ignore).Count -eq 0 -or $null -eq $global:LASTEXITCODE
'@
        $lines | Should -Be 'True', '6', 'DestinationHostBits,Add-HcsNetRoute', 'True'
    }
    It 'leaves the exit code of the caller''s last program alone' {
        & /bin/sh -c 'exit 7'
        $null = Get-HcsNetRoute
        $LASTEXITCODE | Should -Be 7
    }
    It 'can retry what was refused: the target goes through the pipeline' {
        Add-HcsNetRoute Port3 10.40.1.0/24 192.168.20.1 7 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].TargetObject | Add-HcsNetRoute -Force -ErrorAction Stop
        (Get-HcsNetRoute -DestinationPrefix 10.40.1.0/24).RouteMetric | Should -Be 7
    }
    It 'characters beyond ASCII reach the service and come back' {
        Add-HcsNetRoute ([string][char]0xD3EC + [char]0xD2B8 + '"\3') 10.44.0.0/16 192.168.20.1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -BeLike '*,Add-HcsNetRoute'
        "$($refused[0])" | Should -Match ([string][char]0xD3EC)
    }
}
