function Find-HcsNetRoute {
    <#
    .SYNOPSIS
    Finds the route that a packet to an address takes on each Kubernetes VM.

    .DESCRIPTION
    Asks the kernel of each VM, as Find-NetRoute does for the local computer. Routes that were added with Add-HcsNetRoute
    are marked as custom.

    .PARAMETER RemoteIPAddress
    The addresses to reach.

    .PARAMETER Node
    The VMs to ask; all unless given.

    .INPUTS
    Any object with the property RemoteIPAddress.

    .OUTPUTS
    HcsNetRoute.Path

    .EXAMPLE
    Find-HcsNetRoute -RemoteIPAddress 192.168.21.10

    Shows which route leads to a camera from each VM.

    .EXAMPLE
    Find-HcsNetRoute 192.168.21.10 | Where-Object IsCustom -eq $false

    Lists the VMs that reach a camera over no custom route.

    .LINK
    Get-HcsNetRoute

    .LINK
    Get-HcsNetRouteNode

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Path')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [AllowEmptyString()]
        [string[]]$RemoteIPAddress,

        [Parameter(ValueFromPipelineByPropertyName)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Node $args[2] $args[4] })]
        [string[]]$Node
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        $line = @{}
        $address = @{}
    }
    process {
        foreach ($one in $RemoteIPAddress) {
            $fields = [ordered]@{ v = 1; id = "$($line.Count + 1)"; op = 'find'; address = $one }
            $names = @(Select-HcsRouteGiven $Node)
            if ($names) { $fields['nodes'] = $names }
            $address[$line.Count] = $one
            $line[$line.Count] = ConvertTo-HcsRouteJson $fields
        }
    }
    end {
        if ($line.Count -eq 0) { return }
        $lines = for ($i = 0; $i -lt $line.Count; $i++) { $line[$i] }
        Invoke-HcsRouteRequest -Cmdlet $PSCmdlet -Line @($lines) -Target $address | Microsoft.PowerShell.Core\ForEach-Object {
            if ($_.type -ne 'paths') { return }
            $remote = $address[[int]$_.id - 1]
            foreach ($path in $_.paths) { ConvertTo-HcsRoutePath -Path $path -RemoteIPAddress $remote }
        }
    }
}
