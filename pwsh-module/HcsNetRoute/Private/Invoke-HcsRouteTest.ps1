# Validates items and gives one HcsNetRoute.TestResult for each, in their order.
function Invoke-HcsRouteTest {
    [CmdletBinding()]
    [OutputType('HcsNetRoute.TestResult', [bool])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)][hashtable]$Item,
        [Parameter(Mandatory)][hashtable]$Target,
        [switch]$Force,
        [switch]$Quiet
    )
    if ($Item.Count -eq 0) {
        # If there is no route, none would be accepted.
        if ($Quiet) { return $false }
        return
    }
    $part = Split-HcsRouteItem -Item $Item -Field ([ordered]@{ op = 'add'; validate_only = $true; force = $Force })
    $routes = @{}
    $refused = @{}
    $warnings = @{}
    Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line $part.Line -ErrorAsAnswer | Microsoft.PowerShell.Core\ForEach-Object {
        $first = $part.First[[int]$_.id - 1]
        if ($_.type -eq 'routes') {
            foreach ($route in $_.routes) {
                # A VM that is there would carry the change out at once: expect Programmed.
                foreach ($status in @($route) + @($route.nodes)) {
                    if ($status.cause -eq 'IN_PROGRESS') {
                        $status.state = 'PROGRAMMED'
                        $status.cause = ''
                    }
                }
                $routes[$first + [int]$route.index] = $route
            }
        }
        elseif ($_.type -eq 'warning' -and $null -ne $_.index) {
            $warnings[$first + [int]$_.index] = @($warnings[$first + [int]$_.index]; Get-HcsRouteWarningText -Warning $_)
        }
        elseif ($_.type -eq 'error' -and $null -ne $_.index) {
            $refused[$first + [int]$_.index] = @($refused[$first + [int]$_.index]; $_)
        }
        elseif ($_.type -eq 'error') {
            # It refuses the request as a whole, and so each of its routes.
            for ($i = $first; $i -lt $part.First[[int]$_.id]; $i++) { $refused[$i] = @($refused[$i]; $_) }
        }
    }
    if ($Quiet) { return ($refused.Count -eq 0 -and $routes.Count -eq $Item.Count) }
    for ($i = 0; $i -lt $Item.Count; $i++) {
        $route = $routes[$i]
        $errors = @($refused[$i] | Microsoft.PowerShell.Core\Where-Object { $_ })
        if (-not $route -and -not $errors) { continue }
        $given = $Target[$i]
        $shown = if ($route) { ConvertTo-HcsRoute $route }
        $messages = @(foreach ($refusal in $errors) { Get-HcsRouteMessage -Refusal $refusal }) + @($warnings[$i] | Microsoft.PowerShell.Core\Where-Object { $_ })
        New-HcsRouteObject 'HcsNetRoute.TestResult' ([ordered]@{
                InterfaceAlias    = if ($shown) { $shown.InterfaceAlias } else { $given.InterfaceAlias }
                DestinationPrefix = if ($shown) { $shown.DestinationPrefix } else { $given.DestinationPrefix }
                NextHop           = if ($shown) { $shown.NextHop } else { $given.NextHop }
                RouteMetric       = if ($shown) { $shown.RouteMetric } else { $given.RouteMetric }
                Accepted          = -not $errors
                Outcome           = if ($errors) { 'Refused' } else { ConvertTo-HcsRouteWord $route.outcome }
                Reason            = if ($errors) { $errors[0].error_id } else { $shown.Reason }
                Message           = $messages -join '; '
                RecommendedAction = @(foreach ($refusal in $errors) { Get-HcsRouteMessage -Refusal $refusal -Action -Port $given.InterfaceAlias }) -join '; '
                Nodes             = @(if ($shown) { $shown.Nodes })
            })
    }
}
