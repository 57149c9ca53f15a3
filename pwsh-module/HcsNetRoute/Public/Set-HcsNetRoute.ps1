function Set-HcsNetRoute {
    <#
    .SYNOPSIS
    Changes the metric or the next hop of a custom route.

    .DESCRIPTION
    Changes a route in place: a VM is at no moment without it. Name the
    route by its port and destination, and by its next hop if several routes
    lead to the destination.

    The routes of Get-HcsNetRoute and the lines of an exported file have a
    Revision. A row with a Revision means the route as it was then: if it
    has changed since, the row is refused with RevisionMismatch and nothing
    is overwritten. Leave the column out (Select-Object) to set whatever is
    there now.

    .PARAMETER InterfaceAlias
    The port of the route, such as Port3. With several ports and several
    destinations, each port is combined with each destination.

    .PARAMETER DestinationPrefix
    The destination of the route.

    .PARAMETER NextHop
    The next hop of the route as it is now. Needed only if several routes
    to the destination exist on the port.

    .PARAMETER RouteMetric
    The new metric, 1 to 65535.

    .PARAMETER NewNextHop
    The new next hop.

    .PARAMETER InputObject
    Rows: objects with the properties InterfaceAlias, DestinationPrefix and,
    optionally, NextHop, RouteMetric, NewNextHop and Revision. A parameter
    that is given wins over the property; an empty property counts as not
    given. If something in a row is wrong, only that row is an error.

    .PARAMETER PassThru
    Returns the changed routes. Without it, the cmdlet is silent.

    .PARAMETER NoWait
    Returns as soon as the change is stored, without waiting for the VMs.

    .PARAMETER TimeoutSec
    How long to wait for the VMs, in seconds, for the whole pipeline; 10 by
    default, 60 at most.

    .INPUTS
    Any object with the properties InterfaceAlias and DestinationPrefix,
    such as the output of Get-HcsNetRoute.

    .OUTPUTS
    None, or HcsNetRoute.Route with -PassThru.

    .EXAMPLE
    Set-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24 -RouteMetric 50

    Gives the route a higher priority.

    .EXAMPLE
    Set-HcsNetRoute Port3 192.168.21.0/24 -NewNextHop 192.168.20.2 -PassThru

    Moves the route to another router and returns it.

    .EXAMPLE
    Get-HcsNetRoute -InterfaceAlias Port3 | Set-HcsNetRoute -NewNextHop 192.168.20.2

    Moves all routes of a port to another router.

    .LINK
    Get-HcsNetRoute

    .LINK
    Add-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding(DefaultParameterSetName = 'Value', SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('HcsNetRoute.Route')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Value')]
        [Parameter(Position = 0, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string[]]$InterfaceAlias,

        [Parameter(Mandatory, Position = 1, ParameterSetName = 'Value')]
        [Parameter(Position = 1, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Destination $args[2] $args[4] })]
        [string[]]$DestinationPrefix,

        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NextHop $args[2] $args[4] })]
        [string]$NextHop,

        [string]$RouteMetric,

        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NewNextHop $args[2] $args[4] })]
        [string]$NewNextHop,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        $InputObject,

        [switch]$PassThru,

        [switch]$NoWait,

        [ValidateRange(1, 60)]
        [int]$TimeoutSec = 10
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters
        $item = @{}
        $target = @{}
        $validate = [bool]$WhatIfPreference
        $operation = (Get-HcsRouteText)['OperationSet']
    }
    process {
        # Without a row, the parameters are the only row.
        $piped = 'InputObject' -in $PSBoundParameters.Keys
        foreach ($row in @($InputObject)) {
            foreach ($route in Read-HcsRouteRow $row $PSBoundParameters) {
                if (-not $validate) {
                    $text = Format-HcsRouteText -Key TargetSet -Value @{ route = Get-HcsRouteName $route; metric = $route.RouteMetric; hop = $route.NewNextHop }
                    $consent = if ($FullLanguage) { $PSCmdlet.ShouldProcess($text, $operation) } else { Test-HcsRouteConsent -Cmdlet $PSCmdlet -Target $text }
                    if (-not $consent) { continue }
                }
                $target[$item.Count] = if ($piped) { $row } else { New-HcsRouteTarget $route }
                $item[$item.Count] = ConvertTo-HcsRouteItem set $route
            }
        }
    }
    end {
        Invoke-HcsRouteChange -Cmdlet $PSCmdlet -Operation set -Item $item -Target $target `
            -NoWait:$NoWait -TimeoutSec $TimeoutSec -PassThru:$PassThru -Validate:$validate
    }
}
