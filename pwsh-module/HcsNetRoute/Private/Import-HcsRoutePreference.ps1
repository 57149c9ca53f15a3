# Preferences that a caller has set in a script are not seen by the functions
# of a module. A cmdlet honours them, so this copies them to the cmdlet's scope.
function Import-HcsRoutePreference {
    [CmdletBinding()]
    param([Parameter(Mandatory)]$Cmdlet)
    if (-not $FullLanguage) { return }
    $given = $Cmdlet.MyInvocation.BoundParameters
    $preferences = @{
        ErrorAction = 'ErrorActionPreference'; WarningAction = 'WarningPreference'; InformationAction = 'InformationPreference'
        Verbose = 'VerbosePreference'; Debug = 'DebugPreference'; ProgressAction = 'ProgressPreference'
        Confirm = 'ConfirmPreference'; WhatIf = 'WhatIfPreference'
    }
    foreach ($parameter in @($preferences.Keys)) {
        if ($given.ContainsKey($parameter)) { continue }
        $name = $preferences[$parameter]
        $value = $Cmdlet.SessionState.PSVariable.GetValue($name)
        if ($null -eq $value) { continue }
        Microsoft.PowerShell.Utility\Set-Variable -Name $name -Value $value -Scope 1 -WhatIf:$false -Confirm:$false
    }
}
