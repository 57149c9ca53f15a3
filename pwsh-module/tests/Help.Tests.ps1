Describe 'Help' {
    BeforeDiscovery {
        Import-Module -Name HcsNetRoute -Force
        $commands = @(Get-Command -Module HcsNetRoute | ForEach-Object { @{ Name = $_.Name } })
        $parameters = @(foreach ($command in Get-Command -Module HcsNetRoute) {
                foreach ($name in $command.Parameters.Keys) {
                    if ($name -notin [System.Management.Automation.Cmdlet]::CommonParameters -and $name -notin [System.Management.Automation.Cmdlet]::OptionalCommonParameters) {
                        @{ Name = $command.Name; Parameter = $name }
                    }
                }
            })
        $examples = @(foreach ($command in Get-Command -Module HcsNetRoute) {
                $number = 0
                foreach ($example in (Get-Help -Name $command.Name -Full).examples.example) {
                    $number++
                    @{ Name = $command.Name; Number = $number; Code = $example.code }
                }
            })
    }
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
    }
    AfterAll { Clear-Route }

    It '<Name> has synopsis, description, two examples, inputs, outputs and links' -ForEach $commands {
        $help = Get-Help -Name $Name -Full
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match "^\s*$Name" -Because 'that is what PowerShell makes up'
        "$($help.description.Text)" | Should -Not -BeNullOrEmpty
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $help.examples.example) { "$($example.remarks.Text)".Trim() | Should -Not -BeNullOrEmpty }
        "$($help.inputTypes.inputType.type.name)" | Should -Not -BeNullOrEmpty
        "$($help.returnValues.returnValue.type.name)" | Should -Not -BeNullOrEmpty
        @($help.relatedLinks.navigationLink).Count | Should -BeGreaterOrEqual 1
        foreach ($link in $help.relatedLinks.navigationLink.linkText) {
            if ($link -notlike 'about_*') { Get-Command -Name $link -Module HcsNetRoute -ErrorAction Ignore | Should -Not -BeNullOrEmpty }
        }
        (Get-Command -Name $Name).OutputType | Should -Not -BeNullOrEmpty
    }
    It '<Name> has its help in whole lines at 80 columns' -ForEach $commands {
        $help = Get-Help -Name $Name -Full
        $shown = @(($help | Out-String -Width 80) -split "`r?`n" | ForEach-Object { $_.Trim() })
        $texts = @($help.description.Text) + @($help.parameters.parameter.description.Text) + @($help.examples.example.remarks.Text)
        $lines = @($texts -split "`r?`n" | ForEach-Object { $_.Trim() } | Where-Object { $_ })
        $lines.Count | Should -BeGreaterThan 3
        @($lines | Where-Object { $_ -notin $shown }) | Should -BeNullOrEmpty
    }
    It '<Name> -<Parameter> is described' -ForEach $parameters {
        "$((Get-Help -Name $Name -Parameter $Parameter).description.Text)".Trim() | Should -Not -BeNullOrEmpty
    }
    It 'about_HcsNetRoute names every cmdlet' {
        $text = Get-Content -LiteralPath "$env:HCSROUTE_TEST_WORK/Modules/HcsNetRoute/en-US/about_HcsNetRoute.help.txt" -Raw
        foreach ($command in Get-Command -Module HcsNetRoute) { $text | Should -Match $command.Name }
        @($text -split "`n" | Where-Object { $_.TrimEnd().Length -gt 80 }) | Should -BeNullOrEmpty
        (Get-Help -Name about_HcsNetRoute | Out-String) | Should -Match 'Custom routes for the Kubernetes VMs'
    }
    It 'example <Number> of <Name> runs: <Code>' -ForEach $examples {
        Clear-Route
        Add-HcsNetRoute Port3 192.168.21.0/24 192.168.20.1 100
        Set-Location -LiteralPath $TestDrive
        Set-Content -LiteralPath routes.csv -Value 'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric', 'Port3,10.70.1.0/24,192.168.20.1,100', 'Port3,10.70.2.0/24,192.168.20.1,'
        try { & ([scriptblock]::Create("`$ErrorActionPreference = 'Stop'; $Code")) | Out-String | Out-Null }
        finally { Set-Location -LiteralPath $PSScriptRoot }
    }
}

Describe 'Completion' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        Add-HcsNetRoute Port3 10.71.1.0/24 192.168.20.1 100
        Add-HcsNetRoute Port3 fd00:71::/64 fd00:20::1 100
        Add-HcsNetRoute Port2 10.71.2.0/24 203.0.113.1 100 -WarningAction SilentlyContinue
        function Get-Completion { param([string]$Line) (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches.CompletionText }
    }
    AfterAll { Clear-Route }

    It 'completes live port names for <_>' -ForEach 'Add-HcsNetRoute -InterfaceAlias P', 'Get-HcsNetRoute P', 'Set-HcsNetRoute -ifAlias P', 'Remove-HcsNetRoute P', 'Test-HcsNetRoute "P', 'Get-HcsNetRouteInterface P', 'Watch-HcsNetRoute P' {
        Get-Completion $_ | ForEach-Object { $_.Trim('"') } | Should -Be 'Port1', 'Port2', 'Port3', 'Port4', 'Port5', 'Port6'
    }
    It 'completes stored destinations of the port for <_>' -ForEach 'Get', 'Set', 'Remove' {
        Get-Completion "$_-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix " | Should -Be '10.71.1.0/24', 'fd00:71::/64'
        Get-Completion "$_-HcsNetRoute -DestinationPrefix 10.71.2" | Should -Be '10.71.2.0/24'
    }
    It 'completes the next hops of the route' {
        Get-Completion 'Remove-HcsNetRoute Port3 10.71.1.0/24 ' | Should -Be '192.168.20.1'
    }
    It 'completes the next hops of the port where the destination is not stored' {
        foreach ($verb in 'Get', 'Set', 'Remove') { Get-Completion "$verb-HcsNetRoute Port3 10.99.9.0/24 -NextHop " | Should -Be '192.168.20.1', 'fd00:20::1' -Because $verb }
    }
    It 'completes new next hops, whatever leads to the destination now' {
        foreach ($line in 'Add-HcsNetRoute Port3 10.71.1.0/24 ', 'Test-HcsNetRoute Port3 10.99.9.0/24 ', 'Set-HcsNetRoute Port3 10.71.1.0/24 -NewNextHop ') {
            Get-Completion $line | Should -Be '192.168.20.1', 'fd00:20::1' -Because $line
        }
        $made = & (Get-Module -Name HcsNetRoute) { Complete-HcsRouteArgument NewNextHop '' @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.71.1.0/24' } }
        $made.CompletionText | Should -Be '192.168.20.1', 'fd00:20::1'
    }
    It 'puts a name with blanks in quotes' {
        $service = Join-Path -Path $TestDrive -ChildPath 'service'
        $answer = '{"v":1,"id":"1","type":"interfaces","interfaces":[{"alias":"NIC 1"},{"alias":"O''Neil"},{"alias":"Port3"}]}', '{"v":1,"id":"1","type":"done","counts":{},"acknowledged":true,"revision":7}'
        Set-Content -LiteralPath $service -Value (@('#!/bin/sh', 'cat <<"END"') + $answer + 'END')
        & chmod +x $service
        $copy = New-ModuleCopy -Client "program: $service"
        $line = 'Get-HcsNetRouteInterface -InterfaceAlias '
        Invoke-Session "Import-Module -Name '$copy'; (TabExpansion2 '$line' $($line.Length)).CompletionMatches.CompletionText" | Should -Be "'NIC 1'", "'O''Neil'", 'Port3'
    }
    It 'completes states, families and nodes' {
        $words = Get-Completion 'Get-HcsNetRoute -State '
        $words | Select-Object -First 4 | Should -Be 'Failed', 'Programmed', 'Removing', 'Waiting'
        foreach ($one in 'Standby', 'LinkDown', 'InterfaceGone') { $words | Should -Contain $one }
        $words | Should -Not -Contain 'StoreBehind' -Because 'no route has it'
        Get-Completion 'Get-HcsNetRoute -State stand' | Should -Be 'Standby'
        Get-Completion 'Get-HcsNetRoute -AddressFamily ' | Should -Be 'IPv4', 'IPv6'
        Get-Completion 'Find-HcsNetRoute 1.2.3.4 -Node k8s-m' | Should -Be 'k8s-master'
    }
    It 'is silent without a service' {
        $copy = New-ModuleCopy -Client "program: $env:HCSROUTE_TEST_BIN/hcsroute", "address: unix://$TestDrive/nobody.sock"
        $lines = Invoke-Session "Import-Module -Name '$copy'; (TabExpansion2 'Get-HcsNetRoute -InterfaceAlias Po').CompletionMatches.Count; 'end'"
        $lines | Should -Be '0', 'end'
    }
}
