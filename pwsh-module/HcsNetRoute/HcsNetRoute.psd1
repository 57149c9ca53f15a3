@{
    RootModule           = 'HcsNetRoute.psm1'
    ModuleVersion        = '1.0.0'
    GUID                 = '6f4d0c1a-5d0b-4a55-9a7e-0d7c0d0a6b6e'
    Author               = 'The hcsroute authors'
    CompanyName          = 'The hcsroute authors'
    Copyright            = '(c) The hcsroute authors. MIT licence.'
    Description          = 'Custom routes for the Kubernetes VMs of an edge appliance: stored once on the device, programmed in the kernel of every VM.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @(
        'Add-HcsNetRoute'
        'Find-HcsNetRoute'
        'Get-HcsNetRoute'
        'Get-HcsNetRouteAudit'
        'Get-HcsNetRouteInterface'
        'Get-HcsNetRouteNode'
        'Remove-HcsNetRoute'
        'Set-HcsNetRoute'
        'Test-HcsNetRoute'
        'Watch-HcsNetRoute'
    )
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    FormatsToProcess     = @('HcsNetRoute.Format.ps1xml')
    PrivateData          = @{
        PSData = @{
            Tags         = @('PSEdition_Desktop', 'PSEdition_Core', 'Windows', 'Linux', 'AzureStackEdge', 'Kubernetes', 'Route', 'Network')
            LicenseUri   = 'https://github.com/hcsroute/hcsroute/blob/main/LICENSE'
            ProjectUri   = 'https://github.com/hcsroute/hcsroute'
            ReleaseNotes = 'https://github.com/hcsroute/hcsroute/blob/main/docs/powershell.md'
        }
    }
}
