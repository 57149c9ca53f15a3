# A route of an answer as HcsNetRoute.Route.
function ConvertTo-HcsRoute {
    [OutputType('HcsNetRoute.Route')]
    param($Route)
    $nodes = foreach ($node in $Route.nodes) {
        New-HcsRouteObject 'HcsNetRoute.NodeStatus' ([ordered]@{
                Node     = $node.node
                State    = ConvertTo-HcsRouteWord $node.state
                Reason   = ConvertTo-HcsRouteWord "$($node.cause)$(if (-not $node.cause) { $node.condition })"
                Detail   = $node.detail
                Revision = $node.revision
                Time     = ConvertTo-HcsRouteTime $node.time
            })
    }
    # Why the row needs attention: the worst node's cause, or a warning.
    $code = $Route.cause
    if (-not $code) { $code = $Route.condition }
    if (-not $code -and $Route.warnings) { $code = @($Route.warnings)[0].code }
    New-HcsRouteObject 'HcsNetRoute.Route' ([ordered]@{
            InterfaceAlias    = $Route.interface
            DestinationPrefix = $Route.destination
            NextHop           = $Route.next_hop
            RouteMetric       = [int]$Route.metric
            AddressFamily     = $Route.address_family
            State             = ConvertTo-HcsRouteWord $Route.state
            Reason            = ConvertTo-HcsRouteWord $code
            Detail            = if ($code) { Get-HcsRouteDetail -Route $Route -Code $code }
            Revision          = $Route.revision
            CreatedBy         = $Route.created_by
            CreatedTime       = ConvertTo-HcsRouteTime $Route.created_time
            Nodes             = @($nodes)
        })
}

# The sentence behind a route's Reason: which nodes, why, and the kernel's own words.
function Get-HcsRouteDetail {
    [OutputType([string])]
    param($Route, [string]$Code)
    $sentences = @()
    $text = Get-HcsRouteText
    $word = ConvertTo-HcsRouteWord $Code
    $concerned = @(foreach ($node in $Route.nodes) {
            if ($node.cause -eq $Code -or $node.condition -eq $Code) { $node }
        })
    $sentence = $text["Cause$word"]
    if ($sentence) {
        # "every node" needs no names.
        if ($concerned -and $concerned.Count -lt @($Route.nodes).Count) {
            $sentence = (@(foreach ($node in $concerned) { $node.node }) -join ', ') + ': ' + $sentence
        }
        # The kernel's own words, or the other route.
        $own = if ($concerned -and $concerned[0].detail) { $concerned[0].detail } else { $Route.detail }
        if ($own) { $sentence += " ($own)" }
        $sentences += $sentence
    }
    elseif ($Route.detail) { $sentences += $Route.detail }
    foreach ($warning in $Route.warnings) {
        if ($warning.code -ne $Code -or -not $sentences) { $sentences += Get-HcsRouteWarningText -Warning $warning }
    }
    return $sentences -join '; '
}
