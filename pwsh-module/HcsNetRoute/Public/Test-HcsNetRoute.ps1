function Test-HcsNetRoute {
    <#
    .SYNOPSIS
    Tells what Add-HcsNetRoute would do, without doing it.

    .DESCRIPTION
    Asks the service to validate routes: whether each would be accepted, why not, and what it would come to on each VM.
    Nothing changes, and a refusal is a result and not an error. With -Quiet the answer is True or False.

    .PARAMETER InterfaceAlias
    The port, such as Port3.

    .PARAMETER DestinationPrefix
    The destination: a prefix such as 192.168.21.0/24, or a single IP address.

    .PARAMETER NextHop
    The IP address of the router that leads to the destination.

    .PARAMETER RouteMetric
    The metric, 256 unless given.

    .PARAMETER Force
    Tests what Add-HcsNetRoute -Force would do.

    .PARAMETER Quiet
    Returns True where every route would be accepted, False otherwise.

    .INPUTS
    Any object with the properties InterfaceAlias, DestinationPrefix, NextHop and, optionally, RouteMetric.

    .OUTPUTS
    HcsNetRoute.TestResult, or System.Boolean with -Quiet.

    .EXAMPLE
    Test-HcsNetRoute -InterfaceAlias Port3 -DestinationPrefix 192.168.21.0/24 -NextHop 192.168.20.1

    Shows what would become of the route on each VM.

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
    [CmdletBinding()]
    [OutputType('HcsNetRoute.TestResult', [bool])]
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

        [switch]$Quiet
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        $item = @{}
        $target = @{}
        $piped = $MyInvocation.ExpectingInput
        $given = $null -ne $PSBoundParameters['RouteMetric']
    }
    process {
        $metric = if ($RouteMetric -eq 0 -and $piped -and "$($_.RouteMetric)" -eq '') { 256 } elseif ($piped -and -not $given -and $_.RouteMetric -is [string]) { $_.RouteMetric } else { $RouteMetric }
        $target[$item.Count] = New-HcsRouteTarget $InterfaceAlias $DestinationPrefix $NextHop $metric
        $item[$item.Count] = ConvertTo-HcsRouteItem $InterfaceAlias $DestinationPrefix $NextHop $metric
    }
    end {
        Invoke-HcsRouteTest -Cmdlet $PSCmdlet -Item $item -Target $target -Force:$Force -Quiet:$Quiet
    }
}
