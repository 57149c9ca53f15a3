# The program to start and its arguments. The program is in the module's own
# folder, where client.yaml says, or in the installed place: never on PATH and
# never in the current directory, which the caller could have prepared.
function Get-HcsRouteClient {
    [CmdletBinding()]
    [OutputType([hashtable])]
    param([Parameter(Mandatory)]$Cmdlet)
    $windows = Test-HcsRouteWindows
    $file = if ($windows) { 'hcsroute.exe' } else { 'hcsroute' }
    $settings = Read-HcsRouteClientFile -Cmdlet $Cmdlet -Path "$ModuleFolder/client.yaml"

    $candidates = if ($settings['program']) { $settings['program'] }
    elseif ($windows) { "$ModuleFolder/$file", ((Get-HcsRouteKnownFolder -Name ProgramFiles) + '/hcsroute/' + $file) }
    else { "$ModuleFolder/$file", "/usr/bin/$file", "/usr/local/bin/$file", "/opt/hcsroute/bin/$file" }
    $program = $candidates | Microsoft.PowerShell.Core\Where-Object {
        Microsoft.PowerShell.Management\Test-Path -LiteralPath $_ -PathType Leaf
    } | Microsoft.PowerShell.Utility\Select-Object -First 1

    $fromEnvironment = Test-HcsRouteEnvironment
    $arguments = @('jsonl')
    if ($settings['address']) {
        $arguments += '--address=' + $settings['address']
    }
    elseif (-not $fromEnvironment) {
        # An explicit address keeps the program from reading the environment.
        $arguments += '--address=' + $(if ($windows) {
                'unix:///' + ((Get-HcsRouteKnownFolder -Name CommonApplicationData) -replace '\\', '/') + '/hcsroute/hcsroute.sock'
            }
            else { 'unix:///run/hcsroute/hcsroute.sock' })
    }
    foreach ($name in 'cert', 'key', 'ca') {
        if ($settings[$name]) { $arguments += "--$name=" + $settings[$name] }
    }
    return @{
        Program    = $program
        Candidates = $candidates
        Arguments  = $arguments
        # The operator set an address that this session must not use.
        Ignored    = [bool]($env:HCSROUTE_ADDRESS -and -not $fromEnvironment -and -not $settings['address'])
    }
}

function Test-HcsRouteWindows {
    [CmdletBinding()]
    [OutputType([bool])]
    param()
    # $IsWindows does not exist in Windows PowerShell 5.1.
    return [bool]($PSVersionTable['PSEdition'] -ne 'Core' -or $IsWindows)
}

# The folder from the system, not from the environment, which a caller can set.
function Get-HcsRouteKnownFolder {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage.')]
    [CmdletBinding()]
    [OutputType([string])]
    param([Parameter(Mandatory)][ValidateSet('ProgramFiles', 'CommonApplicationData')][string]$Name)
    if ($FullLanguage) { return [System.Environment]::GetFolderPath($Name) }
    if ($Name -eq 'ProgramFiles') { return $env:ProgramFiles }
    return $env:ProgramData
}
