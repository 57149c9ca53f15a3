Describe 'The way to the service' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        $program = "$env:HCSROUTE_TEST_BIN/hcsroute"
        $address = Get-ClientSetting address
        # What a script gives, or 'ok' where it gives nothing; of an error its id, and its message.
        function Get-Outcome {
            param([string]$Module, [string]$Script = 'Get-HcsNetRoute', [hashtable]$Environment = @{})
            $lines = @(Invoke-Session -Environment $Environment -Script "`$ErrorActionPreference = 'Stop'; Import-Module -Name '$Module'; try { $Script; 'ok' } catch { `$_.FullyQualifiedErrorId; `$_.Exception.Message }")
            Write-Output -InputObject $lines -NoEnumerate
        }
    }

    It 'a stopped service is one terminating error, with or without a pipeline' {
        $copy = New-ModuleCopy -Client "program: $program", "address: unix://$TestDrive/nobody.sock"
        $lines = Get-Outcome $copy -Script "Get-HcsNetRoute -ErrorAction SilentlyContinue"
        $lines[0] | Should -Be 'Unavailable,Get-HcsNetRoute'
        $lines[1] | Should -Match 'nobody\.sock'
        $commands = [ordered]@{
            'Add-HcsNetRoute' = "1..3 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = `"10.`$_.0.0/16`"; NextHop = '192.168.20.1' } } | Add-HcsNetRoute"
            'Get-HcsNetRouteInterface' = 'Get-HcsNetRouteInterface'
            'Get-HcsNetRouteNode' = 'Get-HcsNetRouteNode'
            'Get-HcsNetRouteAudit' = 'Get-HcsNetRouteAudit'
            'Watch-HcsNetRoute' = 'Watch-HcsNetRoute'
            'Find-HcsNetRoute' = 'Find-HcsNetRoute 1.2.3.4'
            'Test-HcsNetRoute' = 'Test-HcsNetRoute Port3 10.1.0.0/16 192.168.20.1'
        }
        $lines = Get-Outcome $copy -Script (@($commands.Values | ForEach-Object { "try { $_ } catch { `$_.FullyQualifiedErrorId }" }) -join "`n")
        $lines | Should -Be (@($commands.Keys | ForEach-Object { "Unavailable,$_" }) + 'ok')
    }
    It 'the category is ConnectionError, and the script goes on with its next statement' {
        $copy = New-ModuleCopy -Client "program: $program", "address: unix://$TestDrive/nobody.sock"
        $lines = Invoke-Session "Import-Module -Name '$copy'; Get-HcsNetRoute 2>`$null; `"`$(`$Error[0].CategoryInfo.Category)`""
        @($lines)[0] | Should -Be 'ConnectionError'
    }
    It 'a program that is missing, that cannot run, or that dies is an error that says so' {
        (Get-Outcome (New-ModuleCopy -Client 'program: nowhere/hcsroute'))[0] | Should -Be 'Unavailable,Get-HcsNetRoute'
        $text = Join-Path -Path $TestDrive -ChildPath 'text'
        Set-Content -LiteralPath $text -Value 'no program'
        (Get-Outcome (New-ModuleCopy -Client "program: $text"))[0] | Should -Be 'Unavailable,Get-HcsNetRoute'
        $dying = Join-Path -Path $TestDrive -ChildPath 'dying'
        Set-Content -LiteralPath $dying -Value '#!/bin/sh', 'echo "panic: out of luck" >&2', 'exit 2'
        & chmod +x $dying
        $lines = Get-Outcome (New-ModuleCopy -Client "program: $dying")
        $lines[0] | Should -Be 'Unavailable,Get-HcsNetRoute'
        "$lines" | Should -Match 'exit code 2.*out of luck'
    }
    It 'a program in the module''s own folder is taken; one in the current directory or on PATH never is' {
        $trap = Join-Path -Path $TestDrive -ChildPath 'trap'
        $null = New-Item -ItemType Directory -Path $trap
        Set-Content -LiteralPath "$trap/hcsroute" -Value '#!/bin/sh', "touch '$trap/sprung'"
        & chmod +x "$trap/hcsroute"
        $copy = New-ModuleCopy -Client "address: $address"
        $lines = Get-Outcome $copy -Script "Set-Location -LiteralPath '$trap'; Get-HcsNetRoute" -Environment @{ PATH = "${trap}:$env:PATH" }
        if (Get-Item -Path /usr/bin/hcsroute, /usr/local/bin/hcsroute, /opt/hcsroute/bin/hcsroute -ErrorAction Ignore) { $lines[-1] | Should -Be 'ok' }
        else { $lines[0] | Should -Be 'Unavailable,Get-HcsNetRoute' }
        Test-Path -LiteralPath "$trap/sprung" | Should -BeFalse
        Copy-Item -LiteralPath $program -Destination $copy
        (Get-Outcome $copy)[-1] | Should -Be 'ok'
    }
    It 'reads client.yaml: <Line>' -ForEach @(
        @{ Line = 'address: {0}' }, @{ Line = 'address: "{0}" # where' }, @{ Line = "address:   '{0}'" }
    ) {
        $copy = New-ModuleCopy -Client '---', '# comment', '', "program: `"$program`"", ($Line -f $address)
        (Get-Outcome $copy)[-1] | Should -Be 'ok'
    }
    It 'refuses a line of client.yaml that is no setting, and names it' {
        $lines = Get-Outcome (New-ModuleCopy -Client "program: $program", 'adress: unix:///x')
        $lines[0] | Should -Be 'BadRequest,Get-HcsNetRoute'
        "$lines" | Should -Match 'line 2'
        "$lines" | Should -Match 'adress'
    }
    It 'takes the address from the environment only where the session is not elevated' {
        $copy = New-ModuleCopy -Client "program: $program"
        $lines = Get-Outcome $copy -Environment @{ HCSROUTE_ADDRESS = $address }
        if ([Environment]::IsPrivilegedProcess) {
            $lines[0] | Should -Be 'Unavailable,Get-HcsNetRoute'
            "$lines" | Should -Match 'HCSROUTE_ADDRESS is not used'
        }
        else { $lines[-1] | Should -Be 'ok' }
    }
    It 'a service that dies during a watch ends it with an error' {
        $service = Start-OwnService
        $shell = [powershell]::Create()
        try {
            $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $null = $shell.AddScript("Import-Module '$($service.Module)'; Watch-HcsNetRoute")
            $run = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
            Wait-Until { $output.Count -gt 0 }
            $service.Process.Kill()
            Wait-Until { $run.IsCompleted }
            $shell.Streams.Error[0].FullyQualifiedErrorId | Should -Be 'Unavailable,Watch-HcsNetRoute'
        }
        finally {
            $shell.Dispose()
            if (-not $service.Process.HasExited) { $service.Process.Kill() }
        }
    }
    It 'a service that dies while a change waits is an error, not a success' {
        $service = Start-OwnService -SilentNode
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript("Import-Module '$($service.Module)'; Add-HcsNetRoute Port3 10.50.0.0/16 192.168.20.1 -TimeoutSec 60")
            $run = $shell.BeginInvoke()
            $watch = [powershell]::Create()
            $null = $watch.AddScript("Import-Module '$($service.Module)'; Watch-HcsNetRoute | Where-Object DestinationPrefix | Select-Object -First 1")
            $null = $watch.Invoke()
            $watch.Dispose()
            $run.IsCompleted | Should -BeFalse -Because 'the node is silent'
            $service.Process.Kill()
            Wait-Until { $run.IsCompleted }
            $shell.Streams.Error[0].FullyQualifiedErrorId | Should -Be 'Unavailable,Add-HcsNetRoute'
        }
        finally {
            $shell.Dispose()
            if (-not $service.Process.HasExited) { $service.Process.Kill() }
        }
    }
    It 'a program that dies says how many rows were carried out: <Preference>' -ForEach @{ Preference = 'Continue' }, @{ Preference = 'Stop' } {
        $dying = Join-Path -Path $TestDrive -ChildPath 'dying-later'
        Set-Content -LiteralPath $dying -Value '#!/bin/sh', "'$program' `"`$@`" | awk '{ print } /`"type`":`"done`"/ && ++n == 2 { exit 3 }'"
        & chmod +x $dying
        $copy = New-ModuleCopy -Client "program: $dying", "address: $address"
        $lines = Invoke-Session @"
Import-Module -Name '$copy'
`$rows = 1..1100 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.57.`$([math]::Floor(`$_ / 250)).`$(`$_ % 250)/32"; NextHop = '192.168.20.1'; RouteMetric = "`$(if (`$_ -eq 7) { 'abc' })" } }
try { `$rows | Add-HcsNetRoute -NoWait -ErrorAction $Preference 2>`$null } catch { `$e = `$_ }
"`$(`$e.FullyQualifiedErrorId) `$(`$e.Exception.Data['Stored']) of `$(`$e.Exception.Data['Total']), `$(@(`$e.Exception.Data['Refused']).Where{`$_}.Count) hidden"
"`$(@(`$Error | Where-Object FullyQualifiedErrorId -eq 'MetricOutOfRange,Add-HcsNetRoute').Count) shown"
`$e.ErrorDetails.RecommendedAction
"`$(`$e.Exception.Data['Refused'])"
Remove-Module HcsNetRoute
Import-Module HcsNetRoute
Get-HcsNetRoute | Remove-HcsNetRoute -NoWait
"@
        $hidden = [int]($Preference -eq 'Stop')
        $lines[0] | Should -Be "Unavailable,Add-HcsNetRoute 999 of 1100, $hidden hidden"
        $lines[1] | Should -Be "$(1 - $hidden) shown"
        $lines[2] | Should -Match '^999 of 1100 rows were carried out; whether the rest were is not known\. Repeat'
        if ($hidden) { $lines[3] | Should -Match 'abc' }
    }
    It 'a service that is killed during many rows says that none is known to be carried out: <Preference>' -ForEach @{ Preference = 'Continue' }, @{ Preference = 'Stop' } {
        $service = Start-OwnService -SilentNode
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript(@"
Import-Module '$($service.Module)'
`$rows = 1..1100 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.58.`$([math]::Floor(`$_ / 250)).`$(`$_ % 250)/32"; NextHop = '192.168.20.1' } }
try { `$rows | Add-HcsNetRoute -TimeoutSec 60 -ErrorAction $Preference } catch { "`$(`$_.FullyQualifiedErrorId) `$(`$_.Exception.Data['Stored']) of `$(`$_.Exception.Data['Total'])"; `$_.ErrorDetails.RecommendedAction }
"@)
            $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $run = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
            Wait-Until { @($shell.Streams.Progress | Where-Object Activity -EQ 'Add-HcsNetRoute').Count -gt 0 }
            $service.Process.Kill()
            Wait-Until { $run.IsCompleted }
            $output[0] | Should -Be 'Unavailable,Add-HcsNetRoute 0 of 1100'
            $output[1] | Should -Match '0 of 1100 rows were carried out'
        }
        finally {
            $shell.Dispose()
            if (-not $service.Process.HasExited) { $service.Process.Kill() }
        }
    }
    It 'a query that fails counts no rows' {
        $copy = New-ModuleCopy -Client "program: $program", "address: unix://$TestDrive/nobody.sock"
        $lines = Invoke-Session "Import-Module -Name '$copy'; try { Get-HcsNetRoute } catch { `$_.ErrorDetails.RecommendedAction; `$_.Exception.Data.Contains('Stored') }; try { Add-HcsNetRoute Port3 10.1.0.0/16 192.168.20.1 -WhatIf } catch { `$_.Exception.Data.Contains('Stored') }"
        $lines[0] | Should -Not -Match 'rows'
        $lines[1], $lines[2] | Should -Be 'False', 'False'
    }
    It 'a VM that is silent costs the pipeline one wait, is a warning, and no error' {
        $service = Start-OwnService -SilentNode
        try {
            $lines = Invoke-Session @"
Import-Module -Name '$($service.Module)'
1..5 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.5`$_.0.0/16"; NextHop = '192.168.20.1' } } |
    Add-HcsNetRoute -TimeoutSec 2 -ErrorAction Stop -WarningVariable warned -WarningAction SilentlyContinue
@(Get-HcsNetRoute -State Waiting).Count
"`$warned"
"@
            $lines[0] | Should -Be '5'
            "$lines" | Should -Match 'k8s-silent'
        }
        finally { $service.Process.Kill() }
    }
    It 'a change that takes long shows progress, and Ctrl+C ends it and its program at once' {
        $service = Start-OwnService -SilentNode
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript("Import-Module '$($service.Module)'; Add-HcsNetRoute Port3 10.56.0.0/16 192.168.20.1 -TimeoutSec 60")
            $run = $shell.BeginInvoke()
            Wait-Until { @($shell.Streams.Progress | Where-Object Activity -EQ 'Add-HcsNetRoute').Count -gt 0 }
            $run.IsCompleted | Should -BeFalse
            $shell.Stop()
            $run.IsCompleted | Should -BeTrue
            Wait-Until { -not (Get-OwnProgram) }
            $lines = Invoke-Session "Import-Module -Name '$($service.Module)'; (Get-HcsNetRoute).State"
            $lines | Should -Be 'Waiting' -Because 'what was stored stays'
        }
        finally {
            $shell.Dispose()
            $service.Process.Kill()
        }
    }
}
