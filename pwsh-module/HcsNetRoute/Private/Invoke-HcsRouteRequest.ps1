# Sends request lines and gives the answers as they come. Refusals are written
# as errors once the program has ended: so that a caller whose preference is
# Stop loses none of the other items. A fatal error then ends the cmdlet.
function Invoke-HcsRouteRequest {
    [CmdletBinding()]
    [OutputType([psobject])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)][string[]]$Line,
        # Inputs by number, for TargetObject: item i of request n is (n-1)*ChunkSize+i.
        [hashtable]$Target = @{},
        [int]$ChunkSize = 1,
        # Gives refusals as answers instead of writing them.
        [switch]$ErrorAsAnswer,
        # The routes of the answer are not needed, and need not be read.
        [switch]$SkipRoutes
    )
    $client = Get-HcsRouteClient -Cmdlet $Cmdlet
    if (-not $client.Program) {
        Write-HcsRouteError -Cmdlet $Cmdlet -Terminating -Refusal (New-HcsRouteRefusal -Reason 'UNAVAILABLE' -Text 'ProgramNotFound' -Value @{
                value = @($client.Candidates) -join ', '
            })
    }
    $activity = $Cmdlet.MyInvocation.MyCommand.Name
    $result = @{ ExitCode = $null; StandardError = '' }
    $refused = @{}
    $state = @{ Fatal = $null; Done = 0; Progress = $false; Warned = @{} }
    $option = $JsonOption
    $asAnswer = [bool]$ErrorAsAnswer
    $skip = if ($SkipRoutes) { '^\{"v":1,"id":"\d+","type":"routes"' } else { '^$' }
    Invoke-HcsRouteProgram -Client $client -Line $Line -Result $result | Microsoft.PowerShell.Core\ForEach-Object {
        if ($_ -match $skip) { return }
        if ("$_" -notmatch '^\s*\{') {
            if ("$_".Trim()) { $result.StandardError += "$_`n" }
            return
        }
        $answer = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $_ @option
        switch ($answer.type) {
            'error' {
                if ($answer.fatal) { $state.Fatal = $answer }
                elseif ($asAnswer) { $answer }
                else { $refused[$refused.Count] = $answer }
            }
            'progress' {
                # A watch only says that it lives.
                if (-not $answer.done -and -not $answer.total) { return }
                $state.Progress = $true
                Write-HcsRouteProgress -Activity $activity -Answer $answer
            }
            'warning' {
                # It concerns the service: whoever asks anything is told.
                if ($answer.code -eq 'STORE_BEHIND') { Write-HcsRouteWarning -Answer $answer -Seen $state.Warned }
                else { $answer }
            }
            'done' {
                $state.Done++
                $answer
            }
            default { $answer }
        }
    }
    if ($state.Progress) { Write-HcsRouteProgress -Activity $activity }
    for ($i = 0; $i -lt $refused.Count; $i++) {
        $answer = $refused[$i]
        $place = if ($null -ne $answer.index) { $answer.index } else { 0 }
        $subject = $null
        if ("$($answer.id)" -match '^\d+$') { $subject = $Target[([int]$answer.id - 1) * $ChunkSize + [int]$place] }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $answer -Target $subject
    }
    if (-not $state.Fatal -and $state.Done -lt $Line.Count) {
        $state.Fatal = New-HcsRouteRefusal -Reason 'UNAVAILABLE' -Text 'ProgramEnded' -Value @{
            value  = $client.Program
            code   = $result.ExitCode
            detail = ($result.StandardError -split "`n" -ne '' | Microsoft.PowerShell.Utility\Select-Object -Last 3) -join ' '
        }
    }
    if ($state.Fatal) {
        $hint = if ($client.Ignored -and $state.Fatal.reason -eq 'UNAVAILABLE') { Format-HcsRouteText -Key 'AddressIgnored' }
        Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $state.Fatal -Hint $hint -Terminating
    }
}

function Write-HcsRouteProgress {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$Activity, $Answer)
    if (-not $Answer) {
        Microsoft.PowerShell.Utility\Write-Progress -Activity $Activity -Completed
        return
    }
    $status = Format-HcsRouteText -Key "Progress$($Answer.phase)" -Value @{ done = $Answer.done; total = $Answer.total }
    if (-not $status) { $status = "$($Answer.done)" }
    $percent = -1
    if ($Answer.total -gt 0 -and $Answer.done -le $Answer.total) { $percent = [int](100 * $Answer.done / $Answer.total) }
    Microsoft.PowerShell.Utility\Write-Progress -Activity $Activity -Status $status -PercentComplete $percent
}
