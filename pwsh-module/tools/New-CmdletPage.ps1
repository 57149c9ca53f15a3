<#
.SYNOPSIS
Writes docs/powershell-cmdlets.md from the help of the cmdlets.

.PARAMETER Path
The file to write.

.PARAMETER Check
Writes nothing and fails where the file is out of date.
#>
[CmdletBinding()]
param(
    [string]$Path = (Join-Path -Path $PSScriptRoot -ChildPath '../../docs/powershell-cmdlets.md'),
    [switch]$Check
)
$ErrorActionPreference = 'Stop'
Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath '../HcsNetRoute') -Force
$skip = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
function Join-Text { param($Parts) (@($Parts | ForEach-Object { "$($_.Text)" }) -join "`n`n").Trim() }

$page = @('# The cmdlets of HcsNetRoute', '', 'Made from the help of the cmdlets by `pwsh-module/tools/New-CmdletPage.ps1`.', '')
foreach ($command in Get-Command -Module HcsNetRoute | Sort-Object -Property Name) {
    $help = Get-Help -Name $command.Name -Full
    $page += "## $($command.Name)", '', $help.Synopsis.Trim(), '', (Join-Text $help.description), ''
    $page += '```', (Get-Command -Name $command.Name -Syntax).Trim(), '```', ''
    $page += '| parameter | type | from pipeline | what |', '|---|---|---|---|'
    foreach ($parameter in $command.Parameters.Values | Where-Object { $_.Name -notin $skip }) {
        $text = (Join-Text (Get-Help -Name $command.Name -Parameter $parameter.Name).description) -replace '\s+', ' '
        $attributes = @($parameter.Attributes | Where-Object { $_ -is [Parameter] })
        $piped = if ($attributes.ValueFromPipeline -contains $true) { 'rows' } elseif ($attributes.ValueFromPipelineByPropertyName -contains $true) { 'by name' } else { '' }
        $page += '| `-{0}` | {1} | {2} | {3} |' -f $parameter.Name, $parameter.ParameterType.Name, $piped, ($text -replace '\|', '\|')
    }
    $page += '', "Output: $(@($help.returnValues.returnValue.type.name) -join ', ')".Trim(), ''
    foreach ($example in $help.examples.example) {
        $page += '```powershell', $example.code.Trim(), '```', '', (Join-Text $example.remarks), ''
    }
}
$text = ($page -join "`n").TrimEnd() + "`n"
if ($Check) {
    if (-not (Test-Path -LiteralPath $Path) -or (Get-Content -LiteralPath $Path -Raw) -cne $text) { throw "$Path is out of date: run $PSCommandPath." }
}
else { Set-Content -LiteralPath $Path -Value $text -NoNewline -Encoding utf8 }
