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
    $found = @{}
    foreach ($one in $list) {
        $taken = $false
        for ($i = 0; $i -lt $Name.Count; $i++) {
            if (-not (Test-HcsRouteName $one.$Property $Name[$i])) { continue }
            $found[$i] = $true
            if (-not $taken) { $one }
            $taken = $true
        }
    }
    for ($i = 0; $i -lt $Name.Count; $i++) {
        $pattern = $Name[$i]
        if ($found[$i] -or (Test-HcsRouteWildcard $pattern)) { continue }
        $key = if ($Operation -eq 'nodes') { 'NoSuchNode' } else { 'NoSuchInterface' }
        $refusal = New-HcsRouteRefusal -Reason $Reason -Text $key -Value @{ value = $pattern; ports = @($list.$Property) -join ', ' }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Target $pattern
    }
}
