# Asks for a whole list (ports, nodes) and picks by name; a name without
# wildcards that is not in it is an error.
function Select-HcsRouteNamed {
    [CmdletBinding()]
    [OutputType([psobject])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)][ValidateSet('interfaces', 'nodes')][string]$Operation,
        [Parameter(Mandatory)][string]$Property,
        [Parameter(Mandatory)][string[]]$Name,
        [Parameter(Mandatory)][string]$Reason
    )
    $list = @(Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line ('{"v":1,"id":"1","op":"' + $Operation + '"}') |
            Microsoft.PowerShell.Core\ForEach-Object { if ($_.type -eq $Operation) { $_.$Operation } })
    foreach ($one in $list) {
        foreach ($pattern in $Name) {
            if ($one.$Property -eq $pattern -or $one.$Property -like $pattern) {
                $one
                break
            }
        }
    }
    foreach ($pattern in $Name) {
        if ((Test-HcsRouteWildcard $pattern) -or @($list.$Property) -contains $pattern) { continue }
        $key = if ($Operation -eq 'nodes') { 'NoSuchNode' } else { 'NoSuchInterface' }
        $refusal = New-HcsRouteRefusal -Reason $Reason -Text $key -Value @{ value = $pattern; ports = @($list.$Property) -join ', ' }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Target $pattern
    }
}
