# Queries of Get-HcsNetRoute. Each exact port and each exact destination is a
# separate request, so that the absent ones can be named. The service knows how to
# write an address, and names the unknown port. Wildcards that the service does not
# have, all but * and ?, are matched here.
function Add-HcsRouteQuery {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)][hashtable]$Query,
        [string[]]$InterfaceAlias, [string[]]$DestinationPrefix, [string[]]$NextHop, [string[]]$RouteMetric, [string[]]$AddressFamily, [string[]]$State
    )
    $aliases = @(Select-HcsRouteGiven $InterfaceAlias)
    $prefixes = @(Select-HcsRouteGiven $DestinationPrefix)
    $hops = @(Select-HcsRouteGiven $NextHop)
    $wildHops = @($hops | Microsoft.PowerShell.Core\Where-Object { Test-HcsRouteWildcard $_ })
    # Filters on a route's state, not on its key; the service judges the words.
    $how = [ordered]@{}
    $metrics = @(Select-HcsRouteGiven $RouteMetric)
    if ($metrics) { $how['metrics'] = $metrics }
    $families = @(Select-HcsRouteGiven $AddressFamily | Microsoft.PowerShell.Utility\Sort-Object -Unique)
    # Both are no filter.
    if ($families -and "$families" -ne 'IPv4 IPv6') {
        $how['address_family'] = @(@($families -notmatch '^IPv[46]$') + $families)[0]
    }
    $states = @(Select-HcsRouteGiven $State)
    if ($states) { $how['states'] = $states }
    foreach ($alias in $(if ($aliases) { $aliases } else { '*' })) {
        foreach ($prefix in $(if ($prefixes) { $prefixes } else { '*' })) {
            $which = [ordered]@{}
            if ($alias -notmatch '^\*\z|[\[\]`]') { $which['interfaces'] = @($alias) }
            $exact = -not (Test-HcsRouteWildcard $prefix)
            if ($exact) { $which['destinations'] = @($prefix) }
            if ($hops -and -not $wildHops) { $which['next_hops'] = $hops }
            $filter = [ordered]@{}
            foreach ($part in $which, $how) { foreach ($name in $part.Keys) { $filter[$name] = $part[$name] } }
            $Query[$Query.Count] = @{
                Filter = $filter; Which = $which; Alias = $alias; Prefix = $prefix; Exact = $exact; Hops = $(if ($wildHops) { $hops } else { @() })
                Narrowed = $how.Count -gt 0; Found = $false; Changed = $false; Group = "$($prefixes -join '|')"
            }
        }
    }
}

# The values of a list that are not empty, as a CSV file may have them. -ne ''
# would not do: it compares as a language does, and ignores invisible characters.
function Select-HcsRouteGiven {
    [OutputType([string])]
    param($List)
    foreach ($one in $List) { if ("$one".Length) { "$one" } }
}

# True for a name that was asked for, as it is or as a pattern: one with brackets
# may be both. -eq, and -like without wildcards, ignore invisible characters.
function Test-HcsRouteName {
    [OutputType([bool])]
    param([string]$Name, [string]$Asked)
    return $Name.Equals($Asked, 'OrdinalIgnoreCase') -or ((Test-HcsRouteWildcard $Asked) -and $Name -like $Asked)
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
    $refused = [ordered]@{}
    Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line @($lines) -ErrorAsAnswer | Microsoft.PowerShell.Core\ForEach-Object {
        $one = $Query[[int]$_.id - 1]
        if ($_.type -eq 'error') {
            $one.Found = $true
            $refused["$($_.reason) $($_.field) $($_.value)"] = $_
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
    Find-HcsRouteNarrowed -Cmdlet $Cmdlet -Query $Query
    # A destination is absent if none of the ports asked for has it.
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

# A route in another state, or with another metric, is not absent: what was not
# found is looked for again by its key alone.
function Find-HcsRouteNarrowed {
    [CmdletBinding()]
    param([Parameter(Mandatory)]$Cmdlet, [Parameter(Mandatory)][hashtable]$Query)
    $again = @(for ($i = 0; $i -lt $Query.Count; $i++) { if ($Query[$i].Exact -and $Query[$i].Narrowed -and -not $Query[$i].Found) { $i } })
    if (-not $again.Count) { return }
    $lines = foreach ($i in $again) { ConvertTo-HcsRouteJson ([ordered]@{ v = 1; id = "$i"; op = 'get'; filter = $Query[$i].Which }) }
    Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line @($lines) -ErrorAsAnswer | Microsoft.PowerShell.Core\ForEach-Object {
        if ($_.type -in 'routes', 'error') { $Query[[int]$_.id].Found = $true }
    }
}

# What the service was not asked to filter.
function Test-HcsRouteMatch {
    [OutputType([bool])]
    param($Query, $Route)
    if ($Query.Alias -notmatch '^\*\z' -and -not $Query.Filter.Contains('interfaces') -and -not (Test-HcsRouteName $Route.interface $Query.Alias)) { return $false }
    if (-not $Query.Exact -and $Query.Prefix -notmatch '^\*\z' -and $Route.destination -notlike $Query.Prefix) { return $false }
    if ($Query.Hops) {
        foreach ($hop in $Query.Hops) { if (Test-HcsRouteName $Route.next_hop $hop) { return $true } }
        return $false
    }
    return $true
}
