# The one place that starts the program. Lines go in, lines come out as they
# are written. PowerShell's own pipeline is used, not System.Diagnostics.Process:
# it reads and writes without a deadlock, kills the program on Ctrl+C, needs no
# console (remoting has none), and is the same in 5.1 and 7
# (docs/adr/0005-module-streams-through-the-pipeline.md).
function Invoke-HcsRouteProgram {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Reads a property of a type only, which that mode permits; a test runs it there.')]
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [Parameter(Mandatory)][hashtable]$Client,
        [Parameter(Mandatory)][string[]]$Line,
        # Takes ExitCode, and StandardError: what a crash left there.
        [Parameter(Mandatory)][hashtable]$Result
    )
    # In this scope only: the caller's preferences must not turn the program's
    # exit code or standard error into exceptions, and the requests are ASCII
    # without byte order mark whatever the caller sends to other programs.
    $ErrorActionPreference = 'Continue'
    $PSNativeCommandUseErrorActionPreference = $false
    $OutputEncoding = [System.Text.Encoding]::ASCII
    $null = $PSNativeCommandUseErrorActionPreference, $OutputEncoding
    # $LASTEXITCODE belongs to the caller's own last program.
    $before = Microsoft.PowerShell.Utility\Get-Variable -Name LASTEXITCODE -Scope Global -ErrorAction Ignore
    $exitCode = if ($before) { $before.Value } else { $null }
    $program = $Client.Program
    $arguments = $Client.Arguments
    try {
        $Line | & $program @arguments 2>&1 | Microsoft.PowerShell.Core\ForEach-Object {
            # Standard output is text, standard error comes as error records.
            if ($_ -is [string]) { $_ } else { $Result.StandardError += "$_`n" }
        }
        $Result.ExitCode = $LASTEXITCODE
    }
    catch {
        # It could not be started, or is not a program. Any other error is the receiver's.
        if ($_.FullyQualifiedErrorId -notmatch '^(NativeCommandFailed|CommandNotFoundException|CantActivateDocumentInPipeline)') { throw }
        $Result.StandardError = $_.Exception.Message
    }
    finally {
        Microsoft.PowerShell.Utility\Set-Variable -Name LASTEXITCODE -Scope Global -Value $exitCode -WhatIf:$false -Confirm:$false
    }
}
