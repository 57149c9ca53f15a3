function Remove-HcsNetRoute {
    <#
    .SYNOPSIS
    Removes custom routes.

    .DESCRIPTION
    Removes the route to a destination on a port, from the store and from
    the kernel of every VM. If several routes match, none is removed and
    the error lists them: name the next hop, or use -All. The cmdlet never
    removes a route that was not named. If the route is not there, or was
    removed already and a VM has not proved it yet, that is the error
    NotFound, unless -IfExists is given.

    The routes of Get-HcsNetRoute and the lines of an exported file have a
    Revision. A row with a Revision means the route as it was then: if it
    has changed since, the row is refused with RevisionMismatch and the
    route stays. Leave the column out (Select-Object) to remove whatever is
    there now.

    .PARAMETER InterfaceAlias
    The port of the route, such as Port3. With several ports and several
    destinations, each port is combined with each destination.

    .PARAMETER DestinationPrefix
    The destination of the route.

    .PARAMETER NextHop
    The next hop of the route. Needed only if several routes to the
    destination exist on the port.

    .PARAMETER InputObject
    Rows: objects with the properties InterfaceAlias, DestinationPrefix and,
    optionally, NextHop and Revision. A parameter that is given wins over
    the property; an empty property counts as not given. If something in a
    row is wrong, only that row is an error.

    .PARAMETER All
    Removes all routes to the destination on the port.

    .PARAMETER IfExists
    Succeeds if there is nothing left to remove.

    .PARAMETER PassThru
    Returns the removed routes. Without it, the cmdlet is silent.

    .PARAMETER NoWait
    Returns as soon as the removal is stored, without waiting for the VMs.

    .PARAMETER TimeoutSec
    How long to wait for the VMs, in seconds, for the whole pipeline; 10 by
    default, 60 at most.

    .INPUTS
    Any object with the properties InterfaceAlias and DestinationPrefix,
    such as the output of Get-HcsNetRoute.

    .OUTPUTS
    None, or HcsNetRoute.Route with -PassThru.

    .EXAMPLE
    Remove-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24

    Removes the route to 192.168.21.0/24.

    .EXAMPLE
    Get-HcsNetRoute -InterfaceAlias Port3 | Remove-HcsNetRoute

    Removes all custom routes of a port.

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

        [Parameter(Position = 2)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NextHop $args[2] $args[4] })]
        [string[]]$NextHop,

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        $InputObject,

        [switch]$All,

        [switch]$IfExists,

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
        $operation = (Get-HcsRouteText)['OperationRemove']
    }
    process {
        # Without a row, the parameters are the only row.
        $piped = 'InputObject' -in $PSBoundParameters.Keys
        foreach ($row in @($InputObject)) {
            foreach ($route in Read-HcsRouteRow $row $PSBoundParameters) {
                if (-not $validate) {
                    $text = if (-not $All) { Get-HcsRouteName $route } else {
                        Format-HcsRouteText -Key TargetRemoveAll -Value @{ destination = $route.DestinationPrefix; hop = $route.NextHop; interface = $route.InterfaceAlias }
                    }
                    $consent = if ($FullLanguage) { $PSCmdlet.ShouldProcess($text, $operation) } else { Test-HcsRouteConsent -Cmdlet $PSCmdlet -Target $text }
                    if (-not $consent) { continue }
                }
                $target[$item.Count] = if ($piped) { $row } else { New-HcsRouteTarget $route }
                $item[$item.Count] = ConvertTo-HcsRouteItem remove $route
            }
        }
    }
    end {
        $option = @{}
        if ($All) { $option['all'] = $true }
        if ($IfExists) { $option['if_exists'] = $true }
        Invoke-HcsRouteChange -Cmdlet $PSCmdlet -Operation remove -Item $item -Target $target -Option $option `
            -NoWait:$NoWait -TimeoutSec $TimeoutSec -PassThru:$PassThru -Validate:$validate
    }
}
