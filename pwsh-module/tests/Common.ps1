# What the test files share; each dot-sources it in BeforeAll.

# Every test starts without custom routes. A removal is seen through when no
# node is waited for any more.
function Clear-Route {
    $routes = @(Get-HcsNetRoute)
    if (-not $routes) { return }
    $routes = @($routes | Where-Object -Property State -NE -Value 'Removing')
    if ($routes) { $routes | Remove-HcsNetRoute }
    Wait-Until { -not @(Get-HcsNetRoute) }
}

# Polls until a condition holds; the deadline is generous, and only a failure reaches it.
function Wait-Until {
    param([scriptblock]$Condition, [int]$Seconds = 120)
    $end = [datetime]::UtcNow.AddSeconds($Seconds)
    while (-not (& $Condition)) {
        if ([datetime]::UtcNow -gt $end) { throw "Not reached in $Seconds s: $Condition" }
        Start-Sleep -Milliseconds 50
    }
}

# A copy of the module with another client.yaml, for sessions of its own.
function New-ModuleCopy {
    param([string[]]$Client)
    $folder = Join-Path -Path $env:HCSROUTE_TEST_WORK -ChildPath "copy-$([guid]::NewGuid().ToString('n'))"
    $null = New-Item -ItemType Directory -Path $folder
    Copy-Item -LiteralPath $env:HCSROUTE_TEST_SOURCE -Destination "$folder/HcsNetRoute" -Recurse
    if ($Client) { Set-Content -LiteralPath "$folder/HcsNetRoute/client.yaml" -Value $Client -Encoding UTF8 }
    return "$folder/HcsNetRoute"
}

# Runs a script in a session of its own, as a new PowerShell would, and gives its output, and then its errors, as lines.
function Invoke-Session {
    param([string]$Script, [hashtable]$Environment = @{})
    $saved = @{}
    foreach ($name in $Environment.Keys) {
        $saved[$name] = [Environment]::GetEnvironmentVariable($name)
        [Environment]::SetEnvironmentVariable($name, $Environment[$name])
    }
    $shell = [powershell]::Create()
    try { @($shell.AddScript($Script).Invoke()) + @($shell.Streams.Error) | ForEach-Object { "$_" } }
    finally {
        $shell.Dispose()
        foreach ($name in $saved.Keys) { [Environment]::SetEnvironmentVariable($name, $saved[$name]) }
    }
}

# The same in a process of its own, which takes a second: for what only a console shows or is asked.
function Invoke-Child {
    param([string]$Script)
    $file = Join-Path -Path $env:HCSROUTE_TEST_WORK -ChildPath "child-$([guid]::NewGuid().ToString('n')).ps1"
    Set-Content -LiteralPath $file -Value $Script -Encoding UTF8
    & (Get-Process -Id $PID).Path -NoProfile -NonInteractive -File $file 2>&1 | ForEach-Object { "$_" }
}

# The programs that this process has started and that still run: another suite has its own.
function Get-OwnProgram { Get-Process -Name hcsroute -ErrorAction Ignore | Where-Object { $_.Parent.Id -eq $PID } }

# The settings of the copy under test.
function Get-ClientSetting {
    param([string]$Name)
    $line = Get-Content -LiteralPath "$env:HCSROUTE_TEST_WORK/Modules/HcsNetRoute/client.yaml" | Where-Object { $_ -like "${Name}: *" }
    return $line.Substring($Name.Length + 2)
}

# A service of the test's own, without nodes of the lab, that can be killed.
function Start-OwnService {
    param([switch]$SilentNode)
    $folder = Join-Path -Path $env:HCSROUTE_TEST_WORK -ChildPath "own-$([guid]::NewGuid().ToString('n').Substring(0, 8))"
    $null = New-Item -ItemType Directory -Path $folder
    $node = if ($SilentNode) { "nodes:`n  - {name: k8s-silent, role: worker, state: running, endpoint: `"unix://$folder/nobody.sock`", nics: [{mac: `"02:00:00:00:20:99`", switch: vswitch-Port3}]}" }
    Set-Content -LiteralPath "$folder/inventory.yaml" -Value @"
ports:
  - {alias: Port3, mac: "02:00:00:00:00:03", up: true, addressing: static, addresses: [192.168.20.10/24], switch: vswitch-Port3}
$node
"@
    Set-Content -LiteralPath "$folder/hcsrouted.yaml" -Value @"
store: {path: $folder/hcsroute.db}
listen: {local: {address: "unix://$folder/run/hcsroute.sock"}}
inventory: {provider: none, file: $folder/inventory.yaml}
"@
    $process = Start-Process -FilePath "$env:HCSROUTE_TEST_BIN/hcsrouted" -ArgumentList '--config', "$folder/hcsrouted.yaml" -PassThru `
        -RedirectStandardError "$folder/err.log" -RedirectStandardOutput "$folder/out.log"
    $module = New-ModuleCopy -Client "program: $env:HCSROUTE_TEST_BIN/hcsroute", "address: unix://$folder/run/hcsroute.sock"
    Wait-Until { (Test-Path -LiteralPath "$folder/run/hcsroute.sock") -or $process.HasExited }
    if ($process.HasExited) { throw "hcsrouted ended: $(Get-Content -LiteralPath "$folder/err.log", "$folder/out.log" | Out-String)" }
    return [pscustomobject]@{ Process = $process; Module = $module; Folder = $folder }
}
