function Find-HcsNetRoute {
    <#
    .SYNOPSIS
    Finds the route that a packet to an address takes on each Kubernetes VM.

    .DESCRIPTION
    Asks the kernel of each VM, as Find-NetRoute does for the local
    computer. Routes that were added with Add-HcsNetRoute are marked as
    custom.

    .PARAMETER RemoteIPAddress
    The addresses to reach.

    .PARAMETER Node
    The VMs to ask; all by default.

    .INPUTS
    Any object with the property RemoteIPAddress, or with the property Node,
    such as the output of Get-HcsNetRouteNode.

    .OUTPUTS
    HcsNetRoute.Path

    .EXAMPLE
    Find-HcsNetRoute -RemoteIPAddress 192.168.21.10

    Shows which route leads to a camera from each VM.

    .EXAMPLE
    Find-HcsNetRoute 192.168.21.10 | Where-Object IsCustom -eq $false

    Lists the VMs that do not reach a camera over a custom route.

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
        [AllowNull()]
        [AllowEmptyString()]
        [AllowEmptyCollection()]
        [string[]]$RemoteIPAddress,

        [Parameter(ValueFromPipelineByPropertyName)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Node $args[2] $args[4] })]
        [string[]]$Node
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters
        $line = @{}
        $address = @{}
        $name = @{}
    }
    process {
        # Each VM that is named is a separate request, so that one that is not
        # there does not spoil the others. The service refuses an empty address.
        $names = @(Select-HcsRouteGiven $Node)
        foreach ($one in $(if ($RemoteIPAddress) { $RemoteIPAddress } else { '' })) {
            $asked = @{}
            foreach ($vm in $(if ($names) { $names } else { '' })) {
                if ($asked[$vm]) { continue }
                $asked[$vm] = $true
                $fields = [ordered]@{ v = 1; id = "$($line.Count + 1)"; op = 'find'; address = "$one" }
                if ($vm) { $fields['nodes'] = @($vm) }
                $address[$line.Count] = $one
                $name[$line.Count] = $vm
                $line[$line.Count] = ConvertTo-HcsRouteJson $fields
            }
        }
    }
    end {
        if ($line.Count -eq 0) { return }
        $lines = for ($i = 0; $i -lt $line.Count; $i++) { $line[$i] }
        $refused = [ordered]@{}
        Invoke-HcsRouteRequest -Cmdlet $PSCmdlet -Line @($lines) -ErrorAsAnswer | Microsoft.PowerShell.Core\ForEach-Object {
            $number = [int]$_.id - 1
            $remote = $address[$number]
            if ($_.type -eq 'error') {
                $subject = if ($_.field -like 'node*') { $name[$number] } else { $remote }
                $refused["$($_.reason) $($_.field) $($_.value)"] = @{ Refusal = $_; Target = $subject }
            }
            elseif ($_.type -eq 'paths') {
                foreach ($path in $_.paths) { ConvertTo-HcsRoutePath -Path $path -RemoteIPAddress $remote }
            }
        }
        foreach ($one in $refused.Values) { Write-HcsRouteError -Cmdlet $PSCmdlet -Refusal $one.Refusal -Target $one.Target }
    }
}
