function Get-HcsNetRouteNode {
    <#
    .SYNOPSIS
    Gets the Kubernetes VMs and the state of the custom routes in each.

    .DESCRIPTION
    Lists the Kubernetes master and worker VMs: whether the service has a
    session with the agent in each, how many routes are programmed, waiting
    or failed there, and what is wrong.

    .PARAMETER Name
    Names of VMs. Wildcards are permitted.

    .INPUTS
    Any object with the property Name or Node, such as the output of
    Find-HcsNetRoute.

    .OUTPUTS
    HcsNetRoute.Node

    .EXAMPLE
    Get-HcsNetRouteNode

    Lists all VMs.

    .EXAMPLE
    Get-HcsNetRouteNode -Name k8s-* | Format-List

    Shows the VMs in full.

    .LINK
    Get-HcsNetRoute

    .LINK
    Get-HcsNetRouteInterface

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Node')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)]
        [SupportsWildcards()]
        [Alias('Node')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Node $args[2] $args[4] })]
        [string[]]$Name
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters -Pattern Name
        $explicit = @($PSBoundParameters.Keys)
        $wanted = @{}
    }
    process {
        if (-not (Test-HcsRouteRow -Cmdlet $PSCmdlet -Row $_ -Bound $PSBoundParameters -Explicit $explicit -Filter Name -Pattern Name)) { return }
        $given = @(Select-HcsRouteGiven $Name)
        foreach ($one in $(if ($given) { $given } else { '*' })) { $wanted[$wanted.Count] = $one }
    }
    end {
        if ($wanted.Count -eq 0) { return }
        Select-HcsRouteNamed -Cmdlet $PSCmdlet -Operation nodes -Property name -Name @($wanted.Values) -Reason NOT_FOUND |
            Microsoft.PowerShell.Core\ForEach-Object { ConvertTo-HcsRouteNode $_ }
    }
}
