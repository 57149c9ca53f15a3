<#
.SYNOPSIS
Runs the tests of the module HcsNetRoute against a running service, and PSScriptAnalyzer.

.DESCRIPTION
Copies the module to a temporary folder with a client.yaml that leads to the service, runs every *.Tests.ps1 beside this
script and prints a summary. The exit code is the number of failures. Start it inside the lab:

    hcsroute-lab run -- pwsh -NoProfile -File pwsh-module/tests/Run.ps1

.PARAMETER ModulePath
The folder of the module.

.PARAMETER BinDir
The folder with the programs hcsroute and hcsrouted; $env:HCSROUTE_BIN unless given.

.PARAMETER Lab
The JSON file that describes the lab; $env:HCSROUTE_LAB unless given. Without it the service is at $env:HCSROUTE_ADDRESS.

.PARAMETER Tests
Only the test files whose names are like one of these, with commas between them.

.PARAMETER Output
What Pester shows: None, Normal, Detailed or Diagnostic.
#>
[CmdletBinding()]
param(
    [string]$ModulePath = (Join-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -ChildPath 'HcsNetRoute'),
    [string]$BinDir = $env:HCSROUTE_BIN,
    [string]$Lab = $env:HCSROUTE_LAB,
    [string[]]$Tests = '*',
    [ValidateSet('None', 'Normal', 'Detailed', 'Diagnostic')]
    [string]$Output = 'Normal'
)
$ErrorActionPreference = 'Stop'
Import-Module -Name Pester -MinimumVersion 5.3.0

$info = if ($Lab) { Get-Content -LiteralPath $Lab -Raw | ConvertFrom-Json }
$address = if ($info) { $info.address } else { $env:HCSROUTE_ADDRESS }
if (-not $BinDir -and $info) { $BinDir = $info.bin }
if (-not $address -or -not $BinDir) { throw 'No service: start this inside the lab (hcsroute-lab run), or set HCSROUTE_ADDRESS and HCSROUTE_BIN.' }

# A copy of the module, whose client.yaml names the program and the service.
$work = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath "hcsnetroute-tests-$([guid]::NewGuid().ToString('n').Substring(0, 12))"
$modules = Join-Path -Path $work -ChildPath 'Modules'
$null = New-Item -ItemType Directory -Path $modules
$before = $env:PSModulePath, $env:TMPDIR
try {
    Copy-Item -LiteralPath $ModulePath -Destination (Join-Path -Path $modules -ChildPath 'HcsNetRoute') -Recurse
    Set-Content -LiteralPath "$modules/HcsNetRoute/client.yaml" -Encoding UTF8 -Value "program: $BinDir/hcsroute", "address: $address"
    $env:PSModulePath = $modules + [System.IO.Path]::PathSeparator + $before[0]
    $env:HCSROUTE_TEST_WORK = $work
    # What PowerShell and .NET put there is named by process ids, and two labs have the same ones.
    $env:TMPDIR = $work
    $env:HCSROUTE_TEST_BIN = $BinDir
    $env:HCSROUTE_TEST_SOURCE = $ModulePath

    $files = @(Get-ChildItem -LiteralPath $PSScriptRoot -Filter '*.Tests.ps1' | Where-Object {
            $name = $_.Name
            @($Tests -split ',' | Where-Object { $name -like $_ -or $name -like "$_.Tests.ps1" }).Count
        } | ForEach-Object { $_.FullName })
    $configuration = New-PesterConfiguration
    $configuration.Run.Path = $files
    $configuration.Run.PassThru = $true
    $configuration.Output.Verbosity = $Output
    $result = Invoke-Pester -Configuration $configuration
    if (-not $result) { throw 'No test ran.' }
}
finally {
    $env:PSModulePath, $env:TMPDIR = $before
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
}

foreach ($test in $result.Skipped) {
    $because = @($test.ErrorRecord | ForEach-Object { $_.Exception.Message }) -join ' '
    Write-Output "SKIPPED: $($test.ExpandedPath): $because"
}
foreach ($test in $result.Failed) { Write-Output "FAILED: $($test.ExpandedPath)" }
$failed = $result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount
$analyzer = Get-Module -Name PSScriptAnalyzer -ListAvailable | Select-Object -First 1
Write-Output ('PowerShell suite: {0} passed, {1} failed, {2} skipped in {3:n0} s (PowerShell {4} {5}, Pester {6}, PSScriptAnalyzer {7})' -f
    $result.PassedCount, $failed, $result.SkippedCount, $result.Duration.TotalSeconds, $PSVersionTable.PSVersion, $PSVersionTable.PSEdition,
    (Get-Module -Name Pester).Version, $(if ($analyzer) { $analyzer.Version } else { 'none' }))
exit $failed
