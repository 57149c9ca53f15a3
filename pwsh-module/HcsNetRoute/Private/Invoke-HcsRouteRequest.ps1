# Sends request lines and passes on the answers as they come. Refusals are written
# as errors only after the program has ended, so that a caller whose preference is
# Stop loses none of the other items. A fatal error then ends the cmdlet, and
# says how many items were carried out before.
function Invoke-HcsRouteRequest {
    [CmdletBinding()]
    [OutputType([psobject])]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)][string[]]$Line,
        # Inputs by number, for TargetObject.
        [hashtable]$Target = @{},
        # The number of each request's first item, and of items; without it each has one.
        [int[]]$Place = @(),
        # How many items are to be carried out; 0 where nothing is to be.
        [int]$ItemCount,
        # Gives refusals as answers instead of writing them.
        [switch]$ErrorAsAnswer,
        # The routes of the answer are not needed, so they are not read.
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
    $state = @{ Fatal = $null; Done = 0; Stored = 0; Progress = $false; Warned = @{} }
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
                # A watch only shows that it is alive.
                if (-not $answer.done -and -not $answer.total) { return }
                $state.Progress = $true
                Write-HcsRouteProgress -Activity $activity -Answer $answer
            }
            'warning' {
                # It concerns the service, so every command shows it.
                if ($answer.code -eq 'STORE_BEHIND') { Write-HcsRouteWarning -Answer $answer -Seen $state.Warned }
                else { $answer }
            }
            'done' {
                $state.Done++
                if ($ItemCount) { $state.Stored += $Place[$state.Done] - $Place[$state.Done - 1] - $answer.counts.refused }
                $answer
            }
            default { $answer }
        }
    }
    if ($state.Progress) { Write-HcsRouteProgress -Activity $activity }
    if (-not $state.Fatal -and $state.Done -lt $Line.Count) {
        $state.Fatal = New-HcsRouteRefusal -Reason 'UNAVAILABLE' -Text 'ProgramEnded' -Value @{
            value  = $client.Program
            code   = $result.ExitCode
            detail = ($result.StandardError -split "`n" -ne '' | Microsoft.PowerShell.Utility\Select-Object -Last 3) -join ' '
        }
    }
    $errors = @(for ($i = 0; $i -lt $refused.Count; $i++) {
            $answer = $refused[$i]
            $subject = $null
            if ("$($answer.id)" -match '^\d+$') {
                $number = [int]$answer.id - 1
                if ($Place) { $number = $Place[$number] }
                $subject = $Target[$number + [int]$answer.index]
            }
            @{ Refusal = $answer; Target = $subject }
        })
    # Under Stop the first error written ends the cmdlet; that must not hide
    # that the rest was not answered.
    $hints = @()
    $data = @{}
    if ($ErrorActionPreference -eq 'Stop') {
        $hidden = @($errors | Microsoft.PowerShell.Utility\Select-Object -Skip $(if ($state.Fatal) { 0 } else { 1 }))
        if ($hidden) { $data['Refused'] = [string[]]@(foreach ($one in $hidden) { Get-HcsRouteMessage -Refusal $one.Refusal }) }
        if ($hidden -and -not $state.Fatal) { $hints += Format-HcsRouteText -Key 'RowsRefused' -Value @{ count = $hidden.Count } }
    }
    if (-not $state.Fatal -or $ErrorActionPreference -ne 'Stop') {
        foreach ($one in $errors) { Write-HcsRouteError -Cmdlet $Cmdlet @one -Hint ($hints -join ' ') -Data $data }
    }
    if (-not $state.Fatal) { return }
    if ($state.Fatal.reason -eq 'UNAVAILABLE') {
        if ($ItemCount) {
            $data['Stored'] = $state.Stored
            $data['Total'] = $ItemCount
            $hints += Format-HcsRouteText -Key 'RowsCarriedOut' -Value @{ stored = $state.Stored; total = $ItemCount }
        }
        if ($client.Ignored) { $hints += Format-HcsRouteText -Key 'AddressIgnored' }
    }
    Write-HcsRouteError -Cmdlet $Cmdlet -Refusal $state.Fatal -Hint ($hints -join ' ') -Data $data -Terminating
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
