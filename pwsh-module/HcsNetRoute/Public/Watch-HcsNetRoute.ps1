function Watch-HcsNetRoute {
    <#
    .SYNOPSIS
    Shows changes of custom routes as they come, until Ctrl+C.

    .DESCRIPTION
    Returns an event for each route as it is now (Current), then one that
    says that all were shown (InSync), and then one for each change: Added,
    Updated, Removed, and Status when the state on a VM changes. Reset says
    that events were lost and that the current routes follow again. The
    cmdlet goes on until you press Ctrl+C, or until a later command of the
    pipeline has enough.

    .PARAMETER InterfaceAlias
    Only routes of these ports. The wildcards * and ? are permitted.

    .PARAMETER DestinationPrefix
    Only routes to these destinations, without wildcards.

    .PARAMETER ChangesOnly
    Leaves out changes of status.

    .INPUTS
    None.

    .OUTPUTS
    HcsNetRoute.Event

    .EXAMPLE
    Watch-HcsNetRoute | Select-Object -First 1

    Waits for the first event and ends.

    .EXAMPLE
    Watch-HcsNetRoute -InterfaceAlias Port3 | Select-Object -First 2 -Property Kind, DestinationPrefix, State

    Shows parts of the first two events of a port.

    .LINK
    Get-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Event')]
    param(
        [Parameter(Position = 0)]
        [SupportsWildcards()]
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string[]]$InterfaceAlias,

        [Parameter(Position = 1)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Destination $args[2] $args[4] })]
        [string[]]$DestinationPrefix,

        [switch]$ChangesOnly
    )
    Import-HcsRoutePreference -Cmdlet $PSCmdlet
    Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters -Pattern InterfaceAlias
    # Linger: 5.1 starts a program when its input is complete, so the events go
    # on after the end of the input.
    $fields = [ordered]@{ v = 1; id = '1'; op = 'watch'; linger = $true }
    $filter = [ordered]@{}
    if ($InterfaceAlias) { $filter['interfaces'] = $InterfaceAlias }
    if ($DestinationPrefix) { $filter['destinations'] = $DestinationPrefix }
    if ($filter.Count) { $fields['filter'] = $filter }
    if ($ChangesOnly) { $fields['changes_only'] = $true }
    Invoke-HcsRouteRequest -Cmdlet $PSCmdlet -Line (ConvertTo-HcsRouteJson $fields) | Microsoft.PowerShell.Core\ForEach-Object {
        if ($_.type -eq 'event') { ConvertTo-HcsRouteEvent $_ }
    }
}
