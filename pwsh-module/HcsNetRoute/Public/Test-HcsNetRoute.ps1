function Test-HcsNetRoute {
    <#
    .SYNOPSIS
    Shows what Add-HcsNetRoute would do, without doing it.

    .DESCRIPTION
    Asks the service to validate routes: whether each would be accepted, why
    not, and what its state would be on each VM. Nothing changes, and a
    refusal is a result and not an error. With -Quiet the answer is True or
    False.

    .PARAMETER InterfaceAlias
    The port, such as Port3.

    .PARAMETER DestinationPrefix
    The destination: a prefix such as 192.168.21.0/24, or a single IP
    address.

    .PARAMETER NextHop
    The IP address of the router that leads to the destination.

    .PARAMETER RouteMetric
    The metric; 256 by default.

    .PARAMETER InputObject
    Rows: objects with the properties InterfaceAlias, DestinationPrefix,
    NextHop and, optionally, RouteMetric. A parameter that is given wins
    over the property; an empty property counts as not given. If something
    in a row is wrong, only that row is an error.

    .PARAMETER Force
    Tests what Add-HcsNetRoute -Force would do.

    .PARAMETER Quiet
    Returns a single True if every route would be accepted, otherwise a
    single False: also if a row is not a row or has no value, or if there is
    no row at all.

    .INPUTS
    Any object with the properties InterfaceAlias, DestinationPrefix,
    NextHop and, optionally, RouteMetric.

    .OUTPUTS
    HcsNetRoute.TestResult, or System.Boolean with -Quiet.

    .EXAMPLE
    Test-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24 -NextHop 192.168.20.1

    Shows what the state of the route would be on each VM.

    .EXAMPLE
    Import-Csv -Path routes.csv | Test-HcsNetRoute | Where-Object Accepted -eq $false

    Lists the lines of a file that would be refused.

    .EXAMPLE
    Test-HcsNetRoute Port3 172.27.1.0/24 192.168.20.1 -Quiet

    False: the destination belongs to the pods.

    .LINK
    Add-HcsNetRoute

    .LINK
    Find-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding(DefaultParameterSetName = 'Value')]
    [OutputType('HcsNetRoute.TestResult', [bool])]
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

        [switch]$Quiet
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        # What Add-HcsNetRoute would refuse is False, not an error.
        $refusal = Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters -AsRefusal:$Quiet
        $item = @{}
        $target = @{}
    }
    process {
        if ($refusal) { return }
        foreach ($row in @($InputObject)) {
            $route = Read-HcsRouteRow $row $PSBoundParameters
            if (-not $route.RouteMetric) { $route.RouteMetric = $RouteMetric }
            $target[$item.Count] = New-HcsRouteTarget $route
            $item[$item.Count] = ConvertTo-HcsRouteItem add $route
        }
    }
    end {
        if ($refusal) { return $false }
        Invoke-HcsRouteTest -Cmdlet $PSCmdlet -Item $item -Target $target -Force:$Force -Quiet:$Quiet
    }
}
