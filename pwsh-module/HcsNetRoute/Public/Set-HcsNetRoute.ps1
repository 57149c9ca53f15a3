function Set-HcsNetRoute {
    <#
    .SYNOPSIS
    Changes the metric or the next hop of a custom route.

    .DESCRIPTION
    Changes a route in place: there is never a moment in which a VM is without it. The route is named by its port and
    destination, and by its next hop where several routes lead to the destination.

    .PARAMETER InterfaceAlias
    The port of the route, such as Port3.

    .PARAMETER DestinationPrefix
    The destination of the route.

    .PARAMETER NextHop
    The next hop of the route as it is now. Needed only where several routes to the destination exist on the port.

    .PARAMETER RouteMetric
    The new metric, 1 to 65535.

    .PARAMETER NewNextHop
    The new next hop.

    .PARAMETER PassThru
    Returns the changed routes. Without it, the cmdlet is silent.

    .PARAMETER NoWait
    Returns as soon as the change is stored, without waiting for the VMs.

    .PARAMETER TimeoutSec
    How long to wait for the VMs, in seconds, for the whole pipeline; 10 unless given, 60 at most.

    .INPUTS
    Any object with the properties InterfaceAlias and DestinationPrefix, such as the output of Get-HcsNetRoute.

    .OUTPUTS
    None, or HcsNetRoute.Route with -PassThru.

    .EXAMPLE
    Set-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24 -RouteMetric 50

    Gives the route a higher priority.

    .EXAMPLE
    Set-HcsNetRoute Port3 192.168.21.0/24 -NewNextHop 192.168.20.2 -PassThru

    Leads the route over another router and returns it.

    .EXAMPLE
    Get-HcsNetRoute -InterfaceAlias Port3 | Set-HcsNetRoute -NewNextHop 192.168.20.2

    Leads all routes of a port over another router.

    .LINK
    Get-HcsNetRoute

    .LINK
    Add-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('HcsNetRoute.Route')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string]$InterfaceAlias,

        [Parameter(Mandatory, Position = 1, ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Destination $args[2] $args[4] })]
        [string]$DestinationPrefix,

        [Parameter(ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NextHop $args[2] $args[4] })]
        [string]$NextHop,

        [Parameter(ValueFromPipelineByPropertyName)]
        [uint16]$RouteMetric,

        [Parameter(ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [string]$NewNextHop,

        [switch]$PassThru,

        [switch]$NoWait,

        [ValidateRange(1, 60)]
        [int]$TimeoutSec = 10
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        $item = @{}
        $target = @{}
        $validate = [bool]$WhatIfPreference
        $piped = $MyInvocation.ExpectingInput
        $given = $null -ne $PSBoundParameters['RouteMetric']
        $operation = (Get-HcsRouteText)['OperationSet']
    }
    process {
        # An empty cell of a CSV file is no metric, not the metric 0.
        $metric = $null
        if ($null -ne $PSBoundParameters['RouteMetric'] -and -not ($RouteMetric -eq 0 -and $piped -and "$($_.RouteMetric)" -eq '')) {
            $metric = if ($piped -and -not $given -and $_.RouteMetric -is [string]) { $_.RouteMetric } else { $RouteMetric }
        }
        $text = "$DestinationPrefix$(if ($NextHop) { " via $NextHop" }) on $InterfaceAlias"
        if (-not $validate) {
            $consent = if ($FullLanguage) { $PSCmdlet.ShouldProcess($text, $operation) } else { Test-HcsRouteConsent -Cmdlet $PSCmdlet -Target $text }
            if (-not $consent) { return }
        }
        $target[$item.Count] = if ($piped) { $_ } else { New-HcsRouteTarget $InterfaceAlias $DestinationPrefix $NextHop $metric }
        $item[$item.Count] = ConvertTo-HcsRouteItem $InterfaceAlias $DestinationPrefix $NextHop $metric $NewNextHop
    }
    end {
        Invoke-HcsRouteChange -Cmdlet $PSCmdlet -Operation set -Item $item -Target $target `
            -NoWait:$NoWait -TimeoutSec $TimeoutSec -PassThru:$PassThru -Validate:$validate
    }
}
