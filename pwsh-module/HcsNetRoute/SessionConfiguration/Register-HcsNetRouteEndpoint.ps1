<#
.SYNOPSIS
Registers the restricted endpoint HcsNetRoute on this computer (JEA over WinRM).

.DESCRIPTION
Makes a session configuration from HcsNetRoute.pssc with the groups given here, tests it and registers it. Run it elevated,
in the PowerShell in which the sessions shall run. Registering restarts WinRM, which ends the sessions that exist.

.PARAMETER OperatorGroup
Groups that may manage routes, as COMPUTER\Group or DOMAIN\Group.

.PARAMETER CleanupGroup
Groups that may look at routes and remove them.

.PARAMETER ViewerGroup
Groups that may look at routes.

.PARAMETER Name
Name of the endpoint.

.PARAMETER Path
Where to write the session configuration file.

.PARAMETER Force
Replaces an endpoint of the same name.

.EXAMPLE
.\Register-HcsNetRouteEndpoint.ps1 -OperatorGroup "$env:COMPUTERNAME\RouteOperators" -ViewerGroup "$env:COMPUTERNAME\Support"
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
param(
    [string[]]$OperatorGroup = @(),
    [string[]]$CleanupGroup = @(),
    [string[]]$ViewerGroup = @(),
    [string]$Name = 'HcsNetRoute',
    [string]$Path = "$env:ProgramData\JEAConfiguration\$Name.pssc",
    [switch]$Force
)
$ErrorActionPreference = 'Stop'
$roles = @{}
$wanted = @(
    @{ Groups = $OperatorGroup; Role = 'HcsNetRouteOperator' }
    @{ Groups = $CleanupGroup; Role = 'HcsNetRouteCleanup' }
    @{ Groups = $ViewerGroup; Role = 'HcsNetRouteViewer' }
)
foreach ($entry in $wanted) {
    foreach ($group in $entry.Groups) {
        if (-not $roles.ContainsKey($group)) { $roles[$group] = @{ RoleCapabilities = @() } }
        $roles[$group].RoleCapabilities += $entry.Role
    }
}

$module = Split-Path -Path $PSScriptRoot -Parent
if ((Split-Path -Path $module -Leaf) -ne 'HcsNetRoute') {
    # Windows PowerShell 5.1 does not find role capabilities in Module\1.0.0 (PowerShell/PowerShell#4105).
    throw "The module is in the versioned folder $module, where Windows PowerShell finds no roles. Install it with Install-HcsNetRoute.ps1."
}

$settings = Import-PowerShellDataFile -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath 'HcsNetRoute.pssc')
$settings.Remove('SchemaVersion')
$settings['Guid'] = [guid]::NewGuid()
$settings['Path'] = $Path
# Here and not in the file, because PowerShell on Linux uses the file, too.
$settings['ExecutionPolicy'] = 'RemoteSigned'
if ($roles.Count) { $settings['RoleDefinitions'] = $roles }

if (-not $PSCmdlet.ShouldProcess("$Name ($Path)", 'Register restricted endpoint')) { return }
foreach ($folder in (Split-Path -Path $Path -Parent), $settings['TranscriptDirectory']) {
    if (-not (Test-Path -LiteralPath $folder)) { $null = New-Item -ItemType Directory -Path $folder -Force }
}
New-PSSessionConfigurationFile @settings
if (-not (Test-PSSessionConfigurationFile -Path $Path)) { throw "The session configuration $Path is not valid." }
Register-PSSessionConfiguration -Name $Name -Path $Path -Force:$Force
Write-Verbose -Message "Connect with: Enter-PSSession -ComputerName $env:COMPUTERNAME -ConfigurationName $Name"
