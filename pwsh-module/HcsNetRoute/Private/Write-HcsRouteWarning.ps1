# Writes "warning" answers, each sentence once in a pipeline.
function Write-HcsRouteWarning {
    [CmdletBinding()]
    param([Parameter(Mandatory)]$Answer, [Parameter(Mandatory)][hashtable]$Seen)
    $text = Get-HcsRouteWarningText -Warning $Answer
    if ($Seen.ContainsKey($text)) { return }
    $Seen[$text] = $true
    Microsoft.PowerShell.Utility\Write-Warning -Message $text
}

function Get-HcsRouteWarningText {
    [CmdletBinding()]
    [OutputType([string])]
    param([Parameter(Mandatory)]$Warning)
    if ((Get-HcsRouteText)['Language'] -eq 'en' -and $Warning.message) { return $Warning.message }
    $values = @{}
    if ($Warning.params) {
        foreach ($property in $Warning.params.PSObject.Properties) { $values[$property.Name] = $property.Value }
    }
    return Format-HcsRouteText -Key "Warning$(ConvertTo-HcsRouteWord $Warning.code)" -Value $values -Otherwise $Warning.message
}

# KERNEL_REJECTED -> KernelRejected, the form of all codes in PowerShell.
function ConvertTo-HcsRouteWord {
    [CmdletBinding()]
    [OutputType([string])]
    param([string]$Code)
    if (-not $Code) { return '' }
    $word = $WordCache[$Code]
    if ($null -eq $word) {
        $word = ''
        foreach ($part in $Code -split '_' -ne '') { $word += $part.Substring(0, 1).ToUpperInvariant() + $part.Substring(1).ToLowerInvariant() }
        $WordCache[$Code] = $word
    }
    return $word
}
