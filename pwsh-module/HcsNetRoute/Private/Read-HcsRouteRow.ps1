# The routes that a row of the pipeline names, as text: the service judges each
# cell, so that a bad one affects only its row. A parameter that was given wins over
# the row, and an empty cell counts as not given. A list makes one route for each of
# its values.
function Read-HcsRouteRow {
    [OutputType([hashtable])]
    param(
        # Whatever was piped; $null where the parameters say it all.
        $Row,
        # $PSBoundParameters of the cmdlet; rows bind to InputObject only.
        $Given
    )
    # The revision of an event is the store's.
    $isEvent = $Row.PSTypeNames -contains 'HcsNetRoute.Event' -or $Row.PSTypeNames -contains 'Deserialized.HcsNetRoute.Event'
    $revision = if ($isEvent) { "$($Row.Route.Revision)" } else { "$($Row.Revision)" }
    $read = @{}
    foreach ($name in 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'NewNextHop') {
        $value = $Given[$name]
        if ($null -eq $value) {
            $value = $Row.$name
            if ($name -eq 'InterfaceAlias' -and -not "$value") { $value = $Row.ifAlias }
            $value = "$value"
        }
        # With another port, destination or next hop it is not the row's route.
        elseif ($name -in 'InterfaceAlias', 'DestinationPrefix', 'NextHop') { $revision = '' }
        $read[$name] = foreach ($one in $value) { if ($one.Length -gt $LongestText) { Limit-HcsRouteText $one } else { $one } }
    }
    $revision = Limit-HcsRouteText $revision
    foreach ($alias in $read.InterfaceAlias) {
        foreach ($prefix in $read.DestinationPrefix) {
            foreach ($hop in $read.NextHop) {
                @{
                    InterfaceAlias = $alias; DestinationPrefix = $prefix; NextHop = $hop
                    RouteMetric = $read.RouteMetric; NewNextHop = $read.NewNextHop; Revision = $revision
                }
            }
        }
    }
}

# How a route is named in questions.
function Get-HcsRouteName {
    [OutputType([string])]
    param($Route)
    $hop = if ($Route.NextHop) { " via $($Route.NextHop)" }
    return "$($Route.DestinationPrefix)$hop on $($Route.InterfaceAlias)"
}
