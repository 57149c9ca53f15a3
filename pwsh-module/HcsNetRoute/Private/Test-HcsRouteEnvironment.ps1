# True where the caller's HCSROUTE_ADDRESS may say where the service is: not in
# an elevated session and not in a restricted one. Their users could otherwise
# send the session's own identity to a service of theirs.
function Test-HcsRouteEnvironment {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage; otherwise the session counts as restricted.')]
    [CmdletBinding()]
    [OutputType([bool])]
    param()
    if (-not $FullLanguage) { return $false }
    # A restricted endpoint (JEA) starts in another language mode or hides programs.
    $initial = [System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.InitialSessionState
    if ($initial -and "$($initial.LanguageMode)" -ne 'FullLanguage') { return $false }
    if (@($ExecutionContext.SessionState.Applications) -notcontains '*') { return $false }
    if (Test-HcsRouteWindows) {
        $identity = [System.Security.Principal.WindowsIdentity]::GetCurrent()
        $principal = New-Object -TypeName System.Security.Principal.WindowsPrincipal -ArgumentList $identity
        return -not $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
    }
    # If the runtime is too old to know, the session counts as elevated.
    return [System.Environment]::IsPrivilegedProcess -eq $false
}
