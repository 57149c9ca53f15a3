# Restricted sessions, from the project's own session configuration and roles.
Describe 'Restricted sessions' {
    BeforeDiscovery {
        $sshd = @('/usr/sbin/sshd', '/usr/local/sbin/sshd') | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1
        $ssh = Get-Command -Name ssh, ssh-keygen -CommandType Application -ErrorAction Ignore
        $noSsh = if (-not $sshd -or @($ssh).Count -lt 2) { 'no sshd, ssh or ssh-keygen on this computer' } else { '' }
    }
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        $module = "$env:HCSROUTE_TEST_WORK/Modules/HcsNetRoute"

        # A session of a role, as the endpoint makes it for a member of the group.
        function New-RoleSession {
            param([string]$Role, [string]$LanguageMode = 'NoLanguage')
            $text = (Get-Content -LiteralPath "$module/SessionConfiguration/HcsNetRoute.pssc" -Raw) -replace "LanguageMode        = 'NoLanguage'", "LanguageMode = '$LanguageMode'"
            $text = $text -replace '(?s)RoleDefinitions     = @\{.*\}\s*\}', "RoleDefinitions = @{ 'Test\Group' = @{ RoleCapabilities = '$Role' } }`n}"
            $text | Should -Match $LanguageMode
            $file = Join-Path -Path $TestDrive -ChildPath "$Role-$LanguageMode.pssc"
            Set-Content -LiteralPath $file -Value $text
            $member = [Func[string, bool]] { param($group) $group -eq 'Test\Group' }
            $state = [initialsessionstate]::CreateFromSessionConfigurationFile($file, $member)
            $runspace = [runspacefactory]::CreateRunspace($state)
            $runspace.Open()
            return $runspace
        }
        # Commands and their parameters, one after the other in a pipeline.
        function Invoke-Role {
            param($Runspace, [object[]]$Pipeline, [object[]]$InputObject)
            $shell = [powershell]::Create()
            $shell.Runspace = $Runspace
            foreach ($command in $Pipeline) {
                $null = $shell.AddCommand([string]$command.Name)
                if ($command.Parameters) { $null = $shell.AddParameters($command.Parameters) }
            }
            try {
                $output = if ($InputObject) { $shell.Invoke($InputObject) } else { $shell.Invoke() }
                [pscustomobject]@{ Output = $output; Errors = @($shell.Streams.Error); Exception = $null }
            }
            catch { [pscustomobject]@{ Output = $null; Errors = @($shell.Streams.Error); Exception = $_.Exception.InnerException } }
            finally { $shell.Dispose() }
        }
        # ConvertFrom-Csv and the like lie in the same session.
        function Get-Sample { @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.60.1.0/24'; NextHop = '192.168.20.1' } }
    }
    AfterAll { Clear-Route }

    It 'the operator works in <_>: add, get, set, test, find, and Get | Remove' -ForEach 'NoLanguage', 'ConstrainedLanguage' {
        $session = New-RoleSession -Role HcsNetRouteOperator -LanguageMode $_
        try {
            $null = (Invoke-Role $session @{ Name = 'Add-HcsNetRoute'; Parameters = Get-Sample }).Errors | Should -BeNullOrEmpty
            # On a loaded machine Add may give up its wait for the VMs before they are done.
            Wait-Until { (Get-HcsNetRoute).State -eq 'Programmed' }
            $routes = (Invoke-Role $session @{ Name = 'Get-HcsNetRoute' }).Output
            $routes.DestinationPrefix | Should -Be '10.60.1.0/24'
            (Invoke-Role $session @{ Name = 'Set-HcsNetRoute'; Parameters = @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.60.1.0/24'; RouteMetric = 7 } }).Errors | Should -BeNullOrEmpty
            (Invoke-Role $session @{ Name = 'Test-HcsNetRoute'; Parameters = @{ InterfaceAlias = 'Port3'; DestinationPrefix = '172.27.0.0/24'; NextHop = '192.168.20.1'; Quiet = $true } }).Output | Should -BeFalse
            (Invoke-Role $session @{ Name = 'Find-HcsNetRoute'; Parameters = @{ RemoteIPAddress = '10.60.1.1' } }).Output.IsCustom | Select-Object -Unique | Should -BeTrue
            $refused = Invoke-Role $session @{ Name = 'Add-HcsNetRoute'; Parameters = @{ InterfaceAlias = 'Port4'; DestinationPrefix = '10.60.2.0/24'; NextHop = '192.168.40.1' } }
            $refused.Errors[0].FullyQualifiedErrorId | Should -Be 'InterfaceNotStatic,Add-HcsNetRoute'
            (Invoke-Role $session @{ Name = 'Get-HcsNetRoute' }, @{ Name = 'Format-List' }, @{ Name = 'Out-Default' }).Exception | Should -BeNullOrEmpty
            (Invoke-Role $session @{ Name = 'Get-HcsNetRoute'; Parameters = @{ InterfaceAlias = 'Port3' } }, @{ Name = 'Remove-HcsNetRoute' }).Errors | Should -BeNullOrEmpty
            Wait-Until { -not @(Get-HcsNetRoute) }
            $csv = 'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric', 'Port3,10.60.3.0/24,192.168.20.1,5', 'Port3,10.60.4.0/24,192.168.20.1,'
            (Invoke-Role $session @{ Name = 'ConvertFrom-Csv' }, @{ Name = 'Add-HcsNetRoute' } -InputObject $csv).Errors | Should -BeNullOrEmpty
            @(Get-HcsNetRoute).RouteMetric | Should -Be 5, 256
            $shell = [powershell]::Create()
            $shell.Runspace = $session
            $events = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $nothing = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $nothing.Complete()
            $null = $shell.AddCommand('Watch-HcsNetRoute').BeginInvoke($nothing, $events)
            Wait-Until { $events.Count -gt 0 }
            $shell.Stop()
            $shell.Dispose()
            $events[0].Kind | Should -Be 'Current'
        }
        finally {
            $session.Dispose()
            Clear-Route
        }
    }
    It '<Role> shows its cmdlets, and no other' -ForEach @(
        @{ Role = 'HcsNetRouteViewer'; Verbs = 'Find', 'Get', 'Test' }
        @{ Role = 'HcsNetRouteCleanup'; Verbs = 'Get', 'Remove' }
        @{ Role = 'HcsNetRouteOperator'; Verbs = 'Add', 'Find', 'Get', 'Remove', 'Set', 'Test', 'Watch' }
    ) {
        $session = New-RoleSession -Role $Role
        try {
            $names = (Invoke-Role $session @{ Name = 'Get-Command' }).Output.Name
            $ours = @($names | Where-Object { $_ -like '*-Hcs*' })
            @($ours -replace '-.*' | Sort-Object -Unique) | Should -Be $Verbs
            foreach ($verb in 'Add', 'Set', 'Remove' | Where-Object { $_ -notin $Verbs }) {
                "$((Invoke-Role $session @{ Name = "$verb-HcsNetRoute" }).Exception)" | Should -Match 'not recognized'
            }
        }
        finally { $session.Dispose() }
    }
    It 'the program, private functions, and whatever runs scripts or reads files stay out of reach' {
        $session = New-RoleSession -Role HcsNetRouteOperator
        try {
            foreach ($name in "$env:HCSROUTE_TEST_BIN/hcsroute", 'hcsroute', 'Invoke-HcsRouteProgram', 'Invoke-HcsRouteRequest', 'Get-HcsRouteClient', 'Import-Csv', 'Get-Content', 'Invoke-Expression', 'ForEach-Object', 'Where-Object', 'Import-Module') {
                "$((Invoke-Role $session @{ Name = $name }).Exception)" | Should -Match 'not recognized' -Because $name
            }
            $shell = [powershell]::Create()
            $shell.Runspace = $session
            { $shell.AddScript('1 + 1').Invoke() } | Should -Throw '*not supported*'
            $shell.Dispose()
        }
        finally { $session.Dispose() }
    }
    It 'completes in the restricted session' {
        $session = New-RoleSession -Role HcsNetRouteViewer
        try {
            $completed = Invoke-Role $session @{ Name = 'TabExpansion2'; Parameters = @{ inputScript = 'Get-HcsNetRoute -InterfaceAlias Po'; cursorColumn = 33 } }
            $completed.Output[0].CompletionMatches.CompletionText | Should -Contain 'Port3'
        }
        finally { $session.Dispose() }
    }
    It 'does not take the address from the environment' {
        $before = $env:HCSROUTE_ADDRESS
        $client = Get-Content -LiteralPath "$module/client.yaml"
        try {
            $env:HCSROUTE_ADDRESS = Get-ClientSetting address
            Set-Content -LiteralPath "$module/client.yaml" -Value ($client -notlike 'address*')
            $session = New-RoleSession -Role HcsNetRouteViewer
            $run = Invoke-Role $session @{ Name = 'Get-HcsNetRoute' }
            "$($run.Errors[0].FullyQualifiedErrorId)$($run.Exception.ErrorRecord.FullyQualifiedErrorId)" | Should -Match 'Unavailable,Get-HcsNetRoute'
            $session.Dispose()
        }
        finally {
            $env:HCSROUTE_ADDRESS = $before
            Set-Content -LiteralPath "$module/client.yaml" -Value $client
        }
    }
    It 'a module that is not trusted, in ConstrainedLanguage, works as well' {
        $lines = Invoke-Session @'
$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'
Import-Module -Name HcsNetRoute
Add-HcsNetRoute Port3 10.61.1.0/24 192.168.20.1
Set-HcsNetRoute Port3 10.61.1.0/24 -RouteMetric 8
(Get-HcsNetRoute -DestinationPrefix 10.61.1.0/24).RouteMetric
Add-HcsNetRoute Port3 10.61.1.1/24 192.168.20.1 -ErrorAction SilentlyContinue
$Error[0].FullyQualifiedErrorId -like 'DestinationHostBits,Add-HcsNetRoute*'
Test-HcsNetRoute Port3 172.27.1.0/24 192.168.20.1 -Quiet
(Get-HcsNetRouteInterface Port3).AcceptsRoutes
Get-HcsNetRoute | Remove-HcsNetRoute
'end'
'@
        $lines | Should -Be '8', 'True', 'False', 'True', 'end'
    }
    It 'a trusted module, in a session that is constrained afterwards, works in full' {
        $lines = Invoke-Session @'
Import-Module -Name HcsNetRoute
$ExecutionContext.SessionState.LanguageMode = 'ConstrainedLanguage'
Add-HcsNetRoute Port3 10.61.2.0/24 192.168.20.1
(Get-HcsNetRoute -DestinationPrefix 10.61.2.0/24).PSTypeNames[0]
Add-HcsNetRoute Port3 10.61.1.1/24 192.168.20.1 -ErrorAction SilentlyContinue -ErrorVariable refused
$refused[0].FullyQualifiedErrorId
Get-HcsNetRoute | Remove-HcsNetRoute
'@
        $lines | Should -Be 'HcsNetRoute.Route', 'DestinationHostBits,Add-HcsNetRoute'
    }

    Context 'Remoting into the restricted endpoint' -Skip:($noSsh -ne '') {
        BeforeAll {
            $folder = "$env:HCSROUTE_TEST_WORK/ssh"
            $null = New-Item -ItemType Directory -Path $folder, /run/sshd -Force
            & chmod 700 $folder
            & ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
            & ssh-keygen -q -t ed25519 -N '' -f "$folder/user"
            Copy-Item -LiteralPath "$folder/user.pub" -Destination "$folder/authorized"
            # Here no group can be asked: the role's commands stand in the configuration itself.
            $role = Import-PowerShellDataFile -LiteralPath "$module/RoleCapabilities/HcsNetRouteOperator.psrc"
            $text = (Get-Content -LiteralPath "$module/SessionConfiguration/HcsNetRoute.pssc" -Raw) -replace '(?s)RoleDefinitions     = @\{.*\}\s*\}',
            "VisibleFunctions = '$($role.VisibleFunctions -join "','")'`nVisibleCmdlets = '$($role.VisibleCmdlets -join "','")'`n}"
            $text = $text -replace '(?m)^\s*(RunAsVirtualAccount|TranscriptDirectory|ExecutionPolicy).*$', ''
            Set-Content -LiteralPath "$folder/endpoint.pssc" -Value $text
            $pwsh = (Get-Process -Id $PID).Path
            Set-Content -LiteralPath "$folder/run" -Value '#!/bin/sh', "PSModulePath='$env:PSModulePath' exec '$pwsh' -NoLogo -NoProfile -sshs -ConfigurationFile '$folder/endpoint.pssc'"
            & chmod +x "$folder/run"
            # A port that is free, from the system.
            $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
            $listener.Start()
            $port = $listener.LocalEndpoint.Port
            $listener.Stop()
            Set-Content -LiteralPath "$folder/sshd_config" -Value "ListenAddress 127.0.0.1:$port", "HostKey $folder/host", "AuthorizedKeysFile $folder/authorized",
            'PasswordAuthentication no', 'PermitRootLogin yes', 'StrictModes no', 'UsePAM no', "PidFile $folder/pid", "Subsystem powershell $folder/run"
            $daemon = Start-Process -FilePath (@('/usr/sbin/sshd', '/usr/local/sbin/sshd') | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1) `
                -ArgumentList '-D', '-e', '-f', "$folder/sshd_config" -PassThru -RedirectStandardError "$folder/sshd.log"
            Wait-Until { (Get-Content -LiteralPath "$folder/sshd.log" -Raw) -match 'Server listening' -or $daemon.HasExited }
            $option = @{ StrictHostKeyChecking = 'no'; UserKnownHostsFile = "$folder/known"; LogLevel = 'ERROR' }
            $remote = New-PSSession -HostName 127.0.0.1 -Port $port -UserName ([Environment]::UserName) -KeyFilePath "$folder/user" -Options $option -ErrorAction SilentlyContinue -ErrorVariable sshError
            if (-not $remote) {
                # In the lab's user namespace sshd may not change groups. The same protocol goes
                # through a pipe into the same endpoint then: only the transport is not ssh.
                Write-Host "sshd cannot serve here ($(@(Get-Content -LiteralPath "$folder/sshd.log")[-1])): remoting goes through a pipe instead."
                $null = New-Item -ItemType Directory -Path "$folder/pipe"
                Set-Content -LiteralPath "$folder/pipe/ssh" -Value '#!/bin/sh', "exec '$folder/run'"
                & chmod +x "$folder/pipe/ssh"
                $path = $env:PATH
                $env:PATH = "$folder/pipe:$path"
                try { $remote = New-PSSession -HostName 127.0.0.1 -UserName ([Environment]::UserName) }
                finally { $env:PATH = $path }
            }
        }
        AfterAll {
            if ($remote) { Remove-PSSession -Session $remote }
            if ($daemon -and -not $daemon.HasExited) { $daemon.Kill() }
        }
        It 'adds, gets and removes; the audit names the connected user' {
            Invoke-Command -Session $remote -ScriptBlock { Add-HcsNetRoute -InterfaceAlias "Port3" -DestinationPrefix "10.62.1.0/24" -NextHop "192.168.20.1" -RouteMetric 100 }
            Wait-Until { (Get-HcsNetRoute).State -eq 'Programmed' }
            $route = Invoke-Command -Session $remote -ScriptBlock { Get-HcsNetRoute }
            $route.DestinationPrefix, $route.State | Should -Be '10.62.1.0/24', 'Programmed'
            $route.PSTypeNames[0] | Should -Be 'Deserialized.HcsNetRoute.Route'
            $route.Nodes[0].State | Should -Be 'Programmed'
            $route.Nodes[0].ReportAge | Should -BeOfType timespan
            ($route | Out-String -Width 80) | Should -Match 'ifAlias DestinationPrefix'
            (Get-HcsNetRouteAudit -Limit 1).OnBehalfOf | Should -Match ([regex]::Escape([Environment]::UserName))
            Invoke-Command -Session $remote -ScriptBlock { Get-HcsNetRoute -InterfaceAlias Port3 | Remove-HcsNetRoute }
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'takes objects of the client' {
            'InterfaceAlias,DestinationPrefix,NextHop', 'Port3,10.62.2.0/24,192.168.20.1', 'Port3,10.62.3.0/24,192.168.20.1' | ConvertFrom-Csv |
                Invoke-Command -Session $remote -ScriptBlock { Add-HcsNetRoute }
            $imported = Import-PSSession -Session $remote -Module HcsNetRoute -Prefix Remote -AllowClobber -WarningAction SilentlyContinue
            try {
                @(Get-RemoteHcsNetRoute).Count | Should -Be 2
                Get-RemoteHcsNetRoute | Remove-RemoteHcsNetRoute
            }
            finally { Remove-Module -ModuleInfo $imported }
            Wait-Until { -not @(Get-HcsNetRoute) }
        }
        It 'shows -WhatIf and errors with their ids at the client' {
            $errors = @()
            Invoke-Command -Session $remote -ScriptBlock { Add-HcsNetRoute Port4 10.62.4.0/24 192.168.40.1 } -ErrorAction SilentlyContinue -ErrorVariable errors
            $errors[0].FullyQualifiedErrorId | Should -Be 'InterfaceNotStatic,Add-HcsNetRoute'
            Invoke-Command -Session $remote -ScriptBlock { Add-HcsNetRoute Port3 10.62.4.0/24 192.168.20.1 -WhatIf }
            Get-HcsNetRoute | Should -BeNullOrEmpty
        }
        It 'is restricted: no language, no program' {
            { Invoke-Command -Session $remote -ScriptBlock { Get-HcsNetRoute | ForEach-Object { $_ } } -ErrorAction Stop } | Should -Throw
            { Invoke-Command -Session $remote -ScriptBlock { hcsroute version } -ErrorAction Stop } | Should -Throw '*not recognized*'
            { Invoke-Command -Session $remote -ScriptBlock { $x = 1 } -ErrorAction Stop } | Should -Throw
        }
    }
    if ($noSsh) {
        It 'remoting over ssh' -ForEach $noSsh { Set-ItResult -Skipped -Because $_ }
    }
}
