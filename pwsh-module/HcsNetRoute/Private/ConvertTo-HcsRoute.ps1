# A route of an answer as HcsNetRoute.Route. It is called for thousands of
# routes, so words come from the cache without a call, and objects are made in
# place where the language mode permits.
function ConvertTo-HcsRoute {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage.')]
    [OutputType('HcsNetRoute.Route')]
    param($Route)
    $words = $WordCache
    $nodes = foreach ($node in $Route.nodes) {
        $state = $words["$($node.state)"]
        if (-not $state) { $state = ConvertTo-HcsRouteWord $node.state }
        $code = if ($node.cause) { $node.cause } else { $node.condition }
        $properties = [ordered]@{
            PSTypeName = 'HcsNetRoute.NodeStatus'
            Node       = $node.node
            State      = $state
            Reason     = if ($code) { ConvertTo-HcsRouteWord $code } else { '' }
            Detail     = $node.detail
            Revision   = $node.revision
            Time       = if ($node.time) { ([datetime]$node.time).ToLocalTime() }
            ReportAge  = if ($null -ne $node.report_age_seconds) { [timespan]::FromSeconds([double]$node.report_age_seconds) }
        }
        if ($FullLanguage) { [pscustomobject]$properties } else { New-HcsRouteObject 'HcsNetRoute.NodeStatus' $properties }
    }
    # Why the row needs attention: the worst node's cause, or a warning.
    $code = $Route.cause
    if (-not $code) { $code = $Route.condition }
    if (-not $code -and $Route.warnings) { $code = @($Route.warnings)[0].code }
    $state = $words["$($Route.state)"]
    if (-not $state) { $state = ConvertTo-HcsRouteWord $Route.state }
    $properties = [ordered]@{
        PSTypeName        = 'HcsNetRoute.Route'
        InterfaceAlias    = $Route.interface
        DestinationPrefix = $Route.destination
        NextHop           = $Route.next_hop
        RouteMetric       = [int]$Route.metric
        AddressFamily     = $Route.address_family
        State             = $state
        Reason            = if ($code) { ConvertTo-HcsRouteWord $code } else { '' }
        Detail            = if ($code) { Get-HcsRouteDetail -Route $Route -Code $code } else { '' }
        Revision          = $Route.revision
        CreatedBy         = $Route.created_by
        CreatedTime       = if ($Route.created_time) { ([datetime]$Route.created_time).ToLocalTime() }
        Nodes             = @($nodes)
    }
    if ($FullLanguage) { [pscustomobject]$properties } else { New-HcsRouteObject 'HcsNetRoute.Route' $properties }
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
