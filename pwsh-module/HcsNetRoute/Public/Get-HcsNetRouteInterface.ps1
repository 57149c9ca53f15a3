function Get-HcsNetRouteInterface {
    <#
    .SYNOPSIS
    Gets the ports of the device, and why each can or cannot take custom
    routes.

    .DESCRIPTION
    Lists the ports with their addresses and virtual switch. AcceptsRoutes
    says whether Add-HcsNetRoute would accept a route on the port; Reason
    and Message say why not, or what is odd about a port that does.

    .PARAMETER InterfaceAlias
    Ports. Wildcards are permitted.

    .INPUTS
    Any object with the property InterfaceAlias.

    .OUTPUTS
    HcsNetRoute.Interface

    .EXAMPLE
    Get-HcsNetRouteInterface

    Lists all ports.

    .EXAMPLE
    Get-HcsNetRouteInterface -InterfaceAlias Port3 | Get-HcsNetRoute

    Gets the routes of a port.

    .LINK
    Get-HcsNetRoute

    .LINK
    Get-HcsNetRouteNode

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Interface')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)]
        [SupportsWildcards()]
        [Alias('ifAlias')]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Interface $args[2] $args[4] })]
        [string[]]$InterfaceAlias
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters -Pattern InterfaceAlias
        $explicit = @($PSBoundParameters.Keys)
        $wanted = @{}
    }
    process {
        if (-not (Test-HcsRouteRow -Cmdlet $PSCmdlet -Row $_ -Bound $PSBoundParameters -Explicit $explicit -Filter InterfaceAlias -Pattern InterfaceAlias)) { return }
        $given = @(Select-HcsRouteGiven $InterfaceAlias)
        foreach ($alias in $(if ($given) { $given } else { '*' })) { $wanted[$wanted.Count] = $alias }
    }
    end {
        if ($wanted.Count -eq 0) { return }
        Select-HcsRouteNamed -Cmdlet $PSCmdlet -Operation interfaces -Property alias -Name @($wanted.Values) -Reason INTERFACE_NOT_FOUND |
            Microsoft.PowerShell.Core\ForEach-Object { ConvertTo-HcsRouteInterface $_ }
    }
}
