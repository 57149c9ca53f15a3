Describe 'The module' {
    BeforeDiscovery { $analyzer = Get-Module -Name PSScriptAnalyzer -ListAvailable | Select-Object -First 1 }
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        $folder = Split-Path -Path $PSScriptRoot -Parent
        Import-Module -Name HcsNetRoute -Force

        # The analyzer runs its rules side by side over state that they do not
        # guard, and fails by chance (PSScriptAnalyzer #1538, #1708): one rule
        # a call has nothing beside it.
        function Find-Fault([hashtable]$Target, [string[]]$RuleName = (Get-ScriptAnalyzerRule).RuleName) {
            foreach ($rule in $RuleName) { Invoke-ScriptAnalyzer @Target -IncludeRule $rule }
        }
    }

    It 'has a valid manifest for 5.1 and 7' {
        $manifest = Test-ModuleManifest -Path "$env:HCSROUTE_TEST_SOURCE/HcsNetRoute.psd1"
        $manifest.PowerShellVersion | Should -Be '5.1'
        $manifest.CompatiblePSEditions | Should -Be 'Desktop', 'Core'
        $manifest.RequiredModules | Should -BeNullOrEmpty
        (Get-Command -Module HcsNetRoute).Name | Sort-Object | Should -Be ($manifest.ExportedFunctions.Keys | Sort-Object)
    }
    It 'leaves nothing but its functions in the session' {
        $lines = Invoke-Session @'
$before = (Get-Variable -Scope Global).Name, (Get-Command -CommandType Function).Name
$null = Get-Variable; $null = Get-Command -Name Get-Date
Import-Module -Name HcsNetRoute
@((Get-Variable -Scope Global).Name | Where-Object { $_ -notin $before[0] -and $_ -ne 'before' }).Count
@((Get-Command -CommandType Function).Name | Where-Object { $_ -notin $before[1] -and $_ -notlike '*-HcsNetRoute*' }).Count
'@
        $lines | Should -Be '0', '0'
    }
    It 'is tested in a temporary folder of the suite: PowerShell names sockets there by process ids, which two labs have alike' {
        $temp, $child = [System.IO.Path]::GetTempPath(), (Invoke-Child '[System.IO.Path]::GetTempPath()')
        foreach ($one in $temp, $child) { $one.TrimEnd('/') | Should -Be $env:HCSROUTE_TEST_WORK }
    }
    It 'can be imported beside another copy of itself' {
        $copy = New-ModuleCopy
        $lines = Invoke-Session "`$ErrorActionPreference = 'Stop'; Import-Module -Name HcsNetRoute; Import-Module -Name '$copy'; @(Get-Module -Name HcsNetRoute).Count"
        $lines | Should -Be '2'
    }
    It 'is installed to a folder without a version, and an update keeps client.yaml' {
        $target = Join-Path -Path $TestDrive -ChildPath 'Modules'
        $lines = Invoke-Session "& '$folder/Install-HcsNetRoute.ps1' -Destination '$target' -Program '$env:HCSROUTE_TEST_BIN/hcsroute' -Address '$(Get-ClientSetting address)' | ForEach-Object Name"
        $lines | Should -Be 'HcsNetRoute'
        Test-Path -LiteralPath "$target/HcsNetRoute/RoleCapabilities/HcsNetRouteViewer.psrc" | Should -BeTrue
        $null = Invoke-Session "& '$folder/Install-HcsNetRoute.ps1' -Destination '$target'"
        Get-Content -LiteralPath "$target/HcsNetRoute/client.yaml" | Should -Be "address: `"$(Get-ClientSetting address)`""
        $lines = Invoke-Session "Import-Module '$target/HcsNetRoute'; (Get-HcsNetRouteInterface Port3).InterfaceAlias"
        $lines | Should -Be 'Port3'
    }
    It 'the endpoint is registered with the groups that were given' {
        $registered = Join-Path -Path $TestDrive -ChildPath 'registered.json'
        $lines = Invoke-Session @"
function New-PSSessionConfigurationFile { param(`$SchemaVersion, `$Guid, `$Author, `$CompanyName, `$Copyright, `$Description, `$SessionType, `$LanguageMode, `$ExecutionPolicy, [switch]`$RunAsVirtualAccount, `$TranscriptDirectory, `$ModulesToImport, `$RoleDefinitions, `$Path)
    `$PSBoundParameters | ConvertTo-Json -Depth 4 | Set-Content -LiteralPath '$registered' }
function Test-PSSessionConfigurationFile { param(`$Path) `$true }
function Register-PSSessionConfiguration { param(`$Name, `$Path, [switch]`$Force) "registered `$Name" }
function New-Item { }
& '$env:HCSROUTE_TEST_WORK/Modules/HcsNetRoute/SessionConfiguration/Register-HcsNetRouteEndpoint.ps1' -OperatorGroup 'BOX\Routes' -ViewerGroup 'BOX\Support', 'BOX\Routes' -Path '$TestDrive/x.pssc'
"@
        $lines | Should -Be 'registered HcsNetRoute'
        $made = Get-Content -LiteralPath $registered -Raw | ConvertFrom-Json
        $made.RoleDefinitions.'BOX\Routes'.RoleCapabilities | Should -Be 'HcsNetRouteOperator', 'HcsNetRouteViewer'
        $made.RoleDefinitions.'BOX\Support'.RoleCapabilities | Should -Be 'HcsNetRouteViewer'
        $made.SessionType | Should -Be 'RestrictedRemoteServer'
        $made.RunAsVirtualAccount | Should -Not -BeNullOrEmpty
        $made.ExecutionPolicy | Should -Be 'RemoteSigned'
    }
    It 'the pages of the cmdlets are those of their help' {
        $page = Join-Path -Path $folder -ChildPath '../docs/powershell-cmdlets.md'
        if (-not (Test-Path -LiteralPath $page)) { Set-ItResult -Skipped -Because 'the documentation is not beside the module' }
        else { Invoke-Session "& '$folder/tools/New-CmdletPage.ps1' -Path '$page' -Check" | Should -BeNullOrEmpty }
    }
    It 'PSScriptAnalyzer has no finding' -Skip:(-not $analyzer) {
        $found = @(
            Find-Fault @{ Path = "$folder/HcsNetRoute"; Recurse = $true; Settings = "$folder/PSScriptAnalyzerSettings.psd1" }
            Find-Fault @{ Path = "$folder/Install-HcsNetRoute.ps1"; Settings = "$folder/PSScriptAnalyzerSettings.psd1" }
            Find-Fault @{ Path = $PSScriptRoot; Recurse = $true; Settings = "$PSScriptRoot/PSScriptAnalyzerSettings.psd1" }
        )
        @($found | ForEach-Object { "$($_.ScriptName):$($_.Line) $($_.RuleName) $($_.Message)" }) | Should -BeNullOrEmpty
    }
    It 'the analyzer finds <rule>' -Skip:(-not $analyzer) -ForEach @(
        @{ rule = 'PSUseCompatibleSyntax'; text = '$a = $b ?? 1' }
        @{ rule = 'PSUseCompatibleCmdlets'; text = 'function f { param() Get-Uptime }' }
        @{ rule = 'PSUseConstrainedLanguageMode'; text = '[pscustomobject]@{ a = 1 }' }
        @{ rule = 'PSAvoidUsingCmdletAliases'; text = 'gci' }
        @{ rule = 'PSPlaceOpenBrace'; text = "if (1)`n{`n}" }
    ) {
        (Find-Fault @{ ScriptDefinition = $text; Settings = "$folder/PSScriptAnalyzerSettings.psd1" } $rule).RuleName | Should -Contain $rule
    }
}
