# Judges the filters of a piped row: an empty cell counts as not given, but a row
# that leaves every filter empty would ask for everything, which nobody meant.
function Test-HcsRouteRow {
    [CmdletBinding()]
    [OutputType([bool])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [AllowNull()]$Row,
        # $PSBoundParameters of the cmdlet, with the row's own.
        [Parameter(Mandatory)][AllowEmptyCollection()]$Bound,
        # The names of what was given beside the pipeline.
        [string[]]$Explicit = @(),
        [Parameter(Mandatory)][string[]]$Filter,
        # Parameters whose values are wildcard patterns.
        [string[]]$Pattern = @()
    )
    if (-not $Cmdlet.MyInvocation.ExpectingInput) { return $true }
    $names = $false
    $refusal = $null
    foreach ($parameter in $Filter) {
        if ($parameter -in $Explicit) {
            $names = $true
            continue
        }
        foreach ($value in @(Select-HcsRouteGiven $Bound[$parameter])) {
            $names = $true
            if ($parameter -in $Pattern -and -not (Test-HcsRoutePattern $value)) {
                $refusal = New-HcsRouteRefusal -Reason BAD_REQUEST -Field $parameter -Text BadPattern -Value @{ parameter = $parameter; value = $value }
            }
        }
    }
    if (-not $names) { $refusal = New-HcsRouteRefusal -Reason BAD_REQUEST -Text RowNamesNothing -Value @{ parameters = $Filter -join ', ' } }
    if (-not $refusal) { return $true }
    Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Target $Row
    return $false
}
