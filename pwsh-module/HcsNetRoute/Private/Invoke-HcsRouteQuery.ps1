# Queries of Get-HcsNetRoute. Each exact port and each exact destination is a
# request of its own, so that the absent ones can be told; the service knows
# how to write an address, and names the unknown port. Wildcards beyond its
# own * and ? are matched here.
function Add-HcsRouteQuery {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)][hashtable]$Query,
        [string[]]$InterfaceAlias, [string[]]$DestinationPrefix, [string[]]$NextHop, $RouteMetric, [string]$AddressFamily, [string[]]$State
    )
    $aliases = @(Select-HcsRouteGiven $InterfaceAlias)
    $prefixes = @(Select-HcsRouteGiven $DestinationPrefix)
    $hops = @(Select-HcsRouteGiven $NextHop)
    $metrics = @(foreach ($metric in $RouteMetric) { if ($metric) { [int]$metric } })
    $states = @(foreach ($one in $State) { if ($one) { $one.ToUpperInvariant() } })
    foreach ($alias in $(if ($aliases) { $aliases } else { '*' })) {
        foreach ($prefix in $(if ($prefixes) { $prefixes } else { '*' })) {
            $filter = [ordered]@{}
            if ($alias -ne '*' -and $alias -notmatch '[\[\]]') { $filter['interfaces'] = @($alias) }
            $exact = -not (Test-HcsRouteWildcard $prefix)
            if ($exact) { $filter['destinations'] = @($prefix) }
            $wildHops = @($hops | Microsoft.PowerShell.Core\Where-Object { Test-HcsRouteWildcard $_ })
            if ($hops -and -not $wildHops) { $filter['next_hops'] = $hops }
            # An exact destination is looked for whatever its state is.
            if (-not $exact) {
                if ($metrics) { $filter['metrics'] = $metrics }
                if ($AddressFamily) { $filter['address_family'] = $AddressFamily }
                if ($states) { $filter['states'] = $states }
            }
            $Query[$Query.Count] = @{
                Filter = $filter; Alias = $alias; Prefix = $prefix; Exact = $exact; Hops = $(if ($wildHops) { $hops } else { @() })
                Metrics = $metrics; Family = $AddressFamily; States = $states; Found = $false; Changed = $false; Group = "$($prefixes -join '|')"
            }
        }
    }
}

# The values of a list that are not empty, as a CSV file may have them.
function Select-HcsRouteGiven {
    [OutputType([string])]
    param($List)
    foreach ($one in $List) { if ("$one" -ne '') { "$one" } }
}

function Test-HcsRouteWildcard {
    [OutputType([bool])]
    param([string]$Text)
    return [System.Management.Automation.WildcardPattern]::ContainsWildcardCharacters($Text)
}

function Invoke-HcsRouteQuery {
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Route')]
    param([Parameter(Mandatory)]$Cmdlet, [Parameter(Mandatory)][hashtable]$Query)
    if ($Query.Count -eq 0) { return }
    $lines = for ($i = 0; $i -lt $Query.Count; $i++) {
        ConvertTo-HcsRouteJson ([ordered]@{ v = 1; id = "$($i + 1)"; op = 'get'; filter = $Query[$i].Filter })
    }
    $several = $Query.Count -gt 1
    $seen = @{}
    $refused = @{}
    Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line @($lines) -ErrorAsAnswer | Microsoft.PowerShell.Core\ForEach-Object {
        $one = $Query[[int]$_.id - 1]
        if ($_.type -eq 'error') {
            $one.Found = $true
            $refused["$($_.reason) $($_.value)"] = $_
        }
        elseif ($_.type -eq 'done') { $one.Changed = $_.changed }
        elseif ($_.type -eq 'routes') {
            foreach ($route in $_.routes) {
                $one.Found = $true
                if (-not (Test-HcsRouteMatch $one $route)) { continue }
                if ($several) {
                    $key = "$($route.interface) $($route.destination) $($route.next_hop)"
                    if ($seen[$key]) { continue }
                    $seen[$key] = $true
                }
                ConvertTo-HcsRoute $route
            }
        }
    }
    if ($Query.Values.Changed -contains $true) { Microsoft.PowerShell.Utility\Write-Warning -Message (Format-HcsRouteText -Key 'RoutesChanged') }
    foreach ($refusal in $refused.Values) { Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Target $refusal.value }
    # A destination is absent where no port that was asked for has it.
    $absent = [ordered]@{}
    for ($i = 0; $i -lt $Query.Count; $i++) {
        $one = $Query[$i]
        if (-not $one.Exact) { continue }
        $name = "$($one.Group) $($one.Prefix)"
        if (-not $absent.Contains($name)) { $absent[$name] = @{ Prefix = $one.Prefix; Aliases = @(); Found = $false } }
        $absent[$name].Aliases += $one.Alias
        if ($one.Found) { $absent[$name].Found = $true }
    }
    foreach ($one in $absent.Values) {
        if ($one.Found) { continue }
        $ports = @($one.Aliases | Microsoft.PowerShell.Core\Where-Object { $_ -ne '*' }) -join ', '
        $refusal = New-HcsRouteRefusal -Reason NOT_FOUND -Field destination -Text 'NoSuchRoute' -Value @{ value = $one.Prefix; interface = $ports }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $refusal -Target $one.Prefix
    }
}

# What the service was not asked to filter.
function Test-HcsRouteMatch {
    [OutputType([bool])]
    param($Query, $Route)
    if ($Query.Alias -ne '*' -and -not $Query.Filter.Contains('interfaces') -and $Route.interface -notlike $Query.Alias) { return $false }
    if ($Query.Exact) {
        if ($Query.Metrics -and $Query.Metrics -notcontains $Route.metric) { return $false }
        if ($Query.Family -and $Query.Family -ne $Route.address_family) { return $false }
        if ($Query.States -and $Query.States -notcontains $Route.state) { return $false }
    }
    elseif ($Query.Prefix -ne '*' -and $Route.destination -notlike $Query.Prefix) { return $false }
    if ($Query.Hops) {
        foreach ($hop in $Query.Hops) { if ($Route.next_hop -like $hop) { return $true } }
        return $false
    }
    return $true
}
