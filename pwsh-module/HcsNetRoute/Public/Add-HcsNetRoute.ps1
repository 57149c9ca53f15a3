function Add-HcsNetRoute {
    <#
    .SYNOPSIS
    Adds a custom route to the Kubernetes VMs of the device.

    .DESCRIPTION
    Stores a route for the Kubernetes master and worker VMs and has it programmed in the kernel of each. The route never
    goes to the device itself. The cmdlet returns when every VM has read the route back from its kernel, or after
    10 seconds; a route that is stored but not yet programmed is a warning, and is programmed by itself later.
    A VM that cannot be reached is waited for; one that the inventory declares stopped is not, and gives a warning at once.

    Adding a route that exists with the same metric succeeds and changes nothing. With another metric it is refused unless
    -Force is given. The port must have a static address and must not be teamed.

    .PARAMETER InterfaceAlias
    The port, such as Port3. Get-HcsNetRouteInterface lists the ports and says which take routes.

    .PARAMETER DestinationPrefix
    The destination: a prefix such as 192.168.21.0/24, or a single IP address.

    .PARAMETER NextHop
    The IP address of the router that leads to the destination. It must be on a subnet of the port. 0.0.0.0 (or ::) makes
    an on-link route, as in New-NetRoute.

    .PARAMETER RouteMetric
    The metric, 1 to 65535, 256 unless given. The lower the metric, the higher the priority of the route.

    .PARAMETER Force
    Replaces the metric of a route that exists.

    .PARAMETER PassThru
    Returns the routes. Without it, the cmdlet is silent.

    .PARAMETER NoWait
    Returns as soon as the route is stored, without waiting for the VMs.

    .PARAMETER TimeoutSec
    How long to wait for the VMs, in seconds, for the whole pipeline; 10 unless given, 60 at most.

    .INPUTS
    Any object with the properties InterfaceAlias, DestinationPrefix, NextHop and, optionally, RouteMetric.

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

    Adds the routes of a file with the columns InterfaceAlias, DestinationPrefix, NextHop and RouteMetric. A line that is
    refused is an error and costs no other line.

    .EXAMPLE
    Add-HcsNetRoute Port3 192.168.23.0/24 192.168.20.1 -WhatIf

    Asks the service what would happen on each VM, without changing anything.

    .LINK
    Get-HcsNetRoute

    .LINK
    Remove-HcsNetRoute

    .LINK
    Test-HcsNetRoute

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
        [string]$DestinationPrefix,

        [Parameter(Mandatory, Position = 2, ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [string]$NextHop,

        [Parameter(Position = 3, ValueFromPipelineByPropertyName)]
        [uint16]$RouteMetric = 256,

        [switch]$Force,

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
        $operation = (Get-HcsRouteText)['OperationAdd']
    }
    process {
        # An empty cell of a CSV file is no metric, not the metric 0.
        $metric = if ($RouteMetric -eq 0 -and $piped -and "$($_.RouteMetric)" -eq '') { 256 } elseif ($piped -and -not $given -and $_.RouteMetric -is [string]) { $_.RouteMetric } else { $RouteMetric }
        $text = "$DestinationPrefix via $NextHop on $InterfaceAlias metric $metric"
        if (-not $validate) {
            $consent = if ($FullLanguage) { $PSCmdlet.ShouldProcess($text, $operation) } else { Test-HcsRouteConsent -Cmdlet $PSCmdlet -Target $text }
            if (-not $consent) { return }
        }
        $target[$item.Count] = if ($piped) { $_ } else { New-HcsRouteTarget $InterfaceAlias $DestinationPrefix $NextHop $metric }
        $item[$item.Count] = ConvertTo-HcsRouteItem $InterfaceAlias $DestinationPrefix $NextHop $metric
    }
    end {
        $option = if ($Force) { @{ force = $true } } else { @{} }
        Invoke-HcsRouteChange -Cmdlet $PSCmdlet -Operation add -Item $item -Target $target -Option $option `
            -NoWait:$NoWait -TimeoutSec $TimeoutSec -PassThru:$PassThru -Validate:$validate
    }
}
