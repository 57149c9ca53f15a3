function Get-HcsNetRoute {
    <#
    .SYNOPSIS
    Gets the custom routes of the Kubernetes VMs.

    .DESCRIPTION
    Gets the routes that were added with Add-HcsNetRoute, with their state
    on each VM. System routes and default routes are never among them.
    Without parameters, all custom routes are returned.

    The state is Programmed when every VM has read the route back from its
    kernel, Waiting while a VM, its network adapter or its link is not
    there, Failed when a VM refused it, Removing while a removed route is
    not yet proved gone. If a route needs attention, Reason and Detail say
    why.

    A port without routes returns nothing. An unknown port, or a destination
    without wildcards that has no route, is an error.

    An empty filter, such as a variable that was never set, is an error; it
    never means all routes. An empty cell of a piped row counts as not
    given; a row whose cells are all empty is an error.

    .PARAMETER InterfaceAlias
    Ports. Wildcards are permitted.

    .PARAMETER DestinationPrefix
    Destinations: prefixes or single IP addresses, exactly as stored.
    Wildcards are permitted.

    .PARAMETER NextHop
    Next hops. Wildcards are permitted.

    .PARAMETER RouteMetric
    Metrics.

    .PARAMETER AddressFamily
    IPv4, IPv6, or both.

    .PARAMETER State
    States: Programmed, Waiting, Removing, Failed. You can also give
    reasons that routes show, such as Standby or LinkDown; a route matches
    if any VM or a warning has the reason.

    .INPUTS
    Any object whose properties have the names of the parameters, such as
    the output of Get-HcsNetRouteInterface.

    .OUTPUTS
    HcsNetRoute.Route

    .EXAMPLE
    Get-HcsNetRoute -InterfaceAlias Port3

    Gets the custom routes of Port3.

    .EXAMPLE
    Get-HcsNetRoute -State Failed, Waiting | Format-List

    Shows in full the routes that are not in every VM.

    .EXAMPLE
    Get-HcsNetRoute | Export-Csv -Path routes.csv -NoTypeInformation

    Saves all custom routes. Import-Csv -Path routes.csv | Add-HcsNetRoute
    brings them back.

    .LINK
    Add-HcsNetRoute

    .LINK
    Find-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Route')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)]
        [SupportsWildcards()]
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string[]]$InterfaceAlias,

        [Parameter(Position = 1, ValueFromPipelineByPropertyName)]
        [SupportsWildcards()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Destination $args[2] $args[4] })]
        [string[]]$DestinationPrefix,

        [Parameter(Position = 2, ValueFromPipelineByPropertyName)]
        [SupportsWildcards()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NextHop $args[2] $args[4] })]
        [string[]]$NextHop,

        # Text, so that a bad metric is the error of its row.
        [Parameter(ValueFromPipelineByPropertyName)]
        [string[]]$RouteMetric,

        # Completed but not validated: an empty cell of a row must bind.
        [Parameter(ValueFromPipelineByPropertyName)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Family $args[2] })]
        [string[]]$AddressFamily,

        [Parameter(ValueFromPipelineByPropertyName)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument State $args[2] })]
        [string[]]$State
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        $pattern = 'InterfaceAlias', 'DestinationPrefix', 'NextHop'
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters -Pattern $pattern
        $filters = $pattern + @('RouteMetric', 'AddressFamily', 'State')
        $explicit = @($PSBoundParameters.Keys)
        $query = @{}
    }
    process {
        if (-not (Test-HcsRouteRow -Cmdlet $PSCmdlet -Row $_ -Bound $PSBoundParameters -Explicit $explicit -Filter $filters -Pattern $pattern)) { return }
        Add-HcsRouteQuery -Query $query -InterfaceAlias $InterfaceAlias -DestinationPrefix $DestinationPrefix -NextHop $NextHop `
            -RouteMetric $RouteMetric -AddressFamily $AddressFamily -State $State
    }
    end {
        Invoke-HcsRouteQuery -Cmdlet $PSCmdlet -Query $query
    }
}
