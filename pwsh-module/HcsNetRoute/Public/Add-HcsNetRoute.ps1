function Add-HcsNetRoute {
    <#
    .SYNOPSIS
    Adds a custom route to the Kubernetes VMs of the device.

    .DESCRIPTION
    Stores a route for the Kubernetes master and worker VMs and has it
    programmed in the kernel of each. The route never goes to the device
    itself. The cmdlet returns when every VM has read the route back from
    its kernel, or after 10 seconds. If the route is stored by then but not
    programmed, you get a warning, and the VM gets the route later without
    another command. The cmdlet also waits for a VM that cannot be reached.
    For a VM that the inventory declares stopped it does not wait, and warns
    at once.

    Adding a route that exists with the same metric succeeds and changes
    nothing. With another metric it is refused unless -Force is given. The
    port must have a static address and must not be teamed.

    .PARAMETER InterfaceAlias
    The port, such as Port3. Get-HcsNetRouteInterface lists the ports and
    says which take routes.

    .PARAMETER DestinationPrefix
    The destination: a prefix such as 192.168.21.0/24, or a single IP
    address.

    .PARAMETER NextHop
    The IP address of the router that leads to the destination. It must be
    on a subnet of the port. 0.0.0.0 (or ::) makes an on-link route, as in
    New-NetRoute.

    .PARAMETER RouteMetric
    The metric, 1 to 65535; 256 by default. The lower the metric, the
    higher the priority of the route.

    .PARAMETER InputObject
    Rows: objects with the properties InterfaceAlias, DestinationPrefix,
    NextHop and, optionally, RouteMetric. A parameter that is given wins
    over the property; an empty property counts as not given. If something
    in a row is wrong, only that row is an error.

    .PARAMETER Force
    Replaces the metric of a route that exists.

    .PARAMETER PassThru
    Returns the routes. Without it, the cmdlet is silent.

    .PARAMETER NoWait
    Returns as soon as the route is stored, without waiting for the VMs.

    .PARAMETER TimeoutSec
    How long to wait for the VMs, in seconds, for the whole pipeline; 10 by
    default, 60 at most.

    .INPUTS
    Any object with the properties InterfaceAlias, DestinationPrefix,
    NextHop and, optionally, RouteMetric.

    .OUTPUTS
    None, or HcsNetRoute.Route with -PassThru.

    .EXAMPLE
    Add-HcsNetRoute -InterfaceAlias "Port3" -DestinationPrefix "192.168.21.0/24" -NextHop "192.168.20.1" -RouteMetric 100

    Adds a route to the camera network 192.168.21.0/24.

    .EXAMPLE
    Add-HcsNetRoute Port3 192.168.22.0/24 192.168.20.1 -PassThru

    Adds a route with the default metric and returns it.

    .EXAMPLE
    Import-Csv -Path routes.csv | Add-HcsNetRoute

    Adds the routes of a file with the columns InterfaceAlias,
    DestinationPrefix, NextHop and RouteMetric. A line that is refused is an
    error; the other lines are carried out.

    .EXAMPLE
    Add-HcsNetRoute Port3 192.168.23.0/24 192.168.20.1 -WhatIf

    Asks the service what would happen on each VM, without changing
    anything.

    .LINK
    Get-HcsNetRoute

    .LINK
    Remove-HcsNetRoute

    .LINK
    Test-HcsNetRoute

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
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string]$InterfaceAlias,

        [Parameter(Mandatory, Position = 1, ParameterSetName = 'Value')]
        [Parameter(Position = 1, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [string]$DestinationPrefix,

        [Parameter(Mandatory, Position = 2, ParameterSetName = 'Value')]
        [Parameter(Position = 2, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument NewNextHop $args[2] $args[4] })]
        [string]$NextHop,

        [Parameter(Position = 3)]
        [string]$RouteMetric = '256',

        [Parameter(Mandatory, ValueFromPipeline, ParameterSetName = 'Row')]
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        $InputObject,

        [switch]$Force,

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
        $operation = (Get-HcsRouteText)['OperationAdd']
    }
    process {
        # Without a row, the parameters are the only row.
        $piped = 'InputObject' -in $PSBoundParameters.Keys
        foreach ($row in @($InputObject)) {
            foreach ($route in Read-HcsRouteRow $row $PSBoundParameters) {
                if (-not $route.RouteMetric) { $route.RouteMetric = $RouteMetric }
                if (-not $validate) {
                    $text = "$(Get-HcsRouteName $route) metric $($route.RouteMetric)"
                    $consent = if ($FullLanguage) { $PSCmdlet.ShouldProcess($text, $operation) } else { Test-HcsRouteConsent -Cmdlet $PSCmdlet -Target $text }
                    if (-not $consent) { continue }
                }
                $target[$item.Count] = if ($piped) { $row } else { New-HcsRouteTarget $route }
                $item[$item.Count] = ConvertTo-HcsRouteItem add $route
            }
        }
    }
    end {
        $option = if ($Force) { @{ force = $true } } else { @{} }
        Invoke-HcsRouteChange -Cmdlet $PSCmdlet -Operation add -Item $item -Target $target -Option $option `
            -NoWait:$NoWait -TimeoutSec $TimeoutSec -PassThru:$PassThru -Validate:$validate
    }
}
