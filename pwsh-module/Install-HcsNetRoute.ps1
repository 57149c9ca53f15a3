<#
.SYNOPSIS
Installs the module HcsNetRoute for all users of this computer.

.DESCRIPTION
Copies the module to the computer's module folder, without a version in the path: Windows PowerShell 5.1 does not find the
role capabilities of a restricted endpoint in a versioned folder. Optionally puts the program beside it and writes
client.yaml. What an earlier installation set in client.yaml is kept.

The module's code runs with the rights of restricted endpoints, so only administrators may be able to write to its folder;
the script checks that and says so.

.PARAMETER Destination
The folder for modules.

.PARAMETER Program
The program hcsroute, to copy into the module's folder. Without it, the installed one is used.

.PARAMETER Address
Where the service listens, if not at the usual place, such as unix:///run/hcsroute/hcsroute.sock.

.EXAMPLE
./Install-HcsNetRoute.ps1

.EXAMPLE
.\Install-HcsNetRoute.ps1 -Program .\hcsroute.exe
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
param(
    [string]$Destination,
    [string]$Program,
    [string]$Address
)
$ErrorActionPreference = 'Stop'
$windows = $PSVersionTable['PSEdition'] -ne 'Core' -or $IsWindows
if (-not $Destination) {
    # Both Windows PowerShell and PowerShell 7 look here.
    $Destination = if ($windows) { "$env:ProgramFiles\WindowsPowerShell\Modules" } else { '/usr/local/share/powershell/Modules' }
}
$source = Join-Path -Path $PSScriptRoot -ChildPath 'HcsNetRoute'
$target = Join-Path -Path $Destination -ChildPath 'HcsNetRoute'
if (-not $PSCmdlet.ShouldProcess($target, 'Install module HcsNetRoute')) { return }

$kept = Join-Path -Path $target -ChildPath 'client.yaml'
$settings = if (Test-Path -LiteralPath $kept) { Get-Content -LiteralPath $kept -Raw -Encoding UTF8 }
$file = if ($windows) { 'hcsroute.exe' } else { 'hcsroute' }
$oldProgram = Join-Path -Path $target -ChildPath $file

# Copied beside the target first, so that the module is never half there.
$new = "$target.new"
if (Test-Path -LiteralPath $new) { Remove-Item -LiteralPath $new -Recurse -Force }
$null = New-Item -ItemType Directory -Path $Destination -Force
Copy-Item -LiteralPath $source -Destination $new -Recurse
if ($Program) { Copy-Item -LiteralPath $Program -Destination (Join-Path -Path $new -ChildPath $file) }
elseif (Test-Path -LiteralPath $oldProgram) { Copy-Item -LiteralPath $oldProgram -Destination $new }
if ($Address) { $settings = "address: `"$Address`"" }
if ($settings) { Set-Content -LiteralPath (Join-Path -Path $new -ChildPath 'client.yaml') -Value $settings.TrimEnd() -Encoding UTF8 }
if (Test-Path -LiteralPath $target) { Remove-Item -LiteralPath $target -Recurse -Force }
Move-Item -LiteralPath $new -Destination $target

if ($windows) {
    # Program Files lets only administrators write; another folder may not.
    $writers = @((Get-Acl -LiteralPath $target).Access | Where-Object {
            "$($_.AccessControlType)" -eq 'Allow' -and "$($_.FileSystemRights)" -match 'Write|Modify|FullControl' -and
            "$($_.IdentityReference)" -notmatch '\\(SYSTEM|Administrators|TrustedInstaller)$|CREATOR OWNER'
        } | ForEach-Object { "$($_.IdentityReference)" } | Sort-Object -Unique)
    if ($writers) {
        Write-Warning -Message "These may write to ${target}: $($writers -join ', '). Take that from them (icacls), or they rule the restricted endpoint."
    }
}
else {
    & chmod -R 'u=rwX,go=rX' $target
    if ($Program) { & chmod 755 (Join-Path -Path $target -ChildPath $file) }
}
Get-Module -ListAvailable -Name $target
