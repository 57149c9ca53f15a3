# Refuses a parameter that was given and is empty, such as a variable that was
# never set: taken as "not given" it would make a command concern more, up to
# everything. For begin, where cells of piped rows are not bound yet. With
# -AsRefusal the refusal is returned, not thrown.
function Assert-HcsRouteGiven {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Reads a property of a type only, which that mode permits.')]
    [CmdletBinding()]
    [OutputType([hashtable])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        # $PSBoundParameters of the cmdlet.
        [Parameter(Mandatory)][AllowEmptyCollection()]$Bound,
        # Parameters whose values are wildcard patterns.
        [string[]]$Pattern = @(),
        [switch]$AsRefusal
    )
    $common = @([System.Management.Automation.Cmdlet]::CommonParameters) + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
    foreach ($name in @($Bound.Keys)) {
        if ($name -in $common -or $name -eq 'InputObject') { continue }
        $values = @($Bound[$name])
        $refusal = $null
        if ($values.Count -eq 0) { $refusal = New-HcsRouteRefusal -Reason BAD_REQUEST -Field $name -Text ParameterEmpty -Value @{ parameter = $name } }
        foreach ($value in $values) {
            if ($refusal) { break }
            if ("$value" -notmatch '\S') {
                $refusal = New-HcsRouteRefusal -Reason BAD_REQUEST -Field $name -Text ParameterEmpty -Value @{ parameter = $name; value = "$value" }
            }
            elseif ($name -in $Pattern -and -not (Test-HcsRoutePattern "$value")) {
                $refusal = New-HcsRouteRefusal -Reason BAD_REQUEST -Field $name -Text BadPattern -Value @{ parameter = $name; value = "$value" }
            }
        }
        if (-not $refusal) { continue }
        if ($AsRefusal) { return $refusal }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Terminating
    }
}

# False for what -like refuses, such as "Port[" and "[9-0]". It asks a cmdlet that
# can ignore the error, because an exception that is caught is in the caller's
# -ErrorVariable all the same. With a good pattern exactly one of the two matches.
function Test-HcsRoutePattern {
    [OutputType([bool])]
    param([string]$Text)
    # Nothing else can be wrong. Asking is slow, and each value of each piped row comes here.
    if ($Text -notmatch '[\[`]') { return $true }
    $is = @('' | Microsoft.PowerShell.Core\Where-Object -Property Length -Like -Value $Text -ErrorAction Ignore)
    $isNot = @('' | Microsoft.PowerShell.Core\Where-Object -Property Length -NotLike -Value $Text -ErrorAction Ignore)
    return $is.Count + $isNot.Count -eq 1
}
