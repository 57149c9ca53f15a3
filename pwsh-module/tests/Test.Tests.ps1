# Test-HcsNetRoute -Quiet is exactly one True or False, whatever it is given.
Describe 'Test-HcsNetRoute' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        Clear-Route
        function New-Row {
            param([hashtable]$Part = @{})
            $row = [ordered]@{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.29.1.0/24'; NextHop = '192.168.20.1'; RouteMetric = '100' }
            foreach ($name in $Part.Keys) { $row[$name] = $Part[$name] }
            [pscustomobject]$row
        }
    }

    It 'a bad row is a result like another, and -Quiet counts it: <Name>' -ForEach @(
        @{ Name = 'a metric that is no number'; Make = { New-Row @{ RouteMetric = 'abc' } }; Reason = 'MetricOutOfRange' }
        @{ Name = 'a metric of 70000'; Make = { New-Row @{ RouteMetric = '70000' } }; Reason = 'MetricOutOfRange' }
        @{ Name = 'a metric with a fraction'; Make = { New-Row @{ RouteMetric = 1.5 } }; Reason = 'MetricOutOfRange' }
        @{ Name = 'a metric of 0'; Make = { New-Row @{ RouteMetric = 0 } }; Reason = 'MetricOutOfRange' }
        @{ Name = 'no next hop'; Make = { New-Row @{ NextHop = '' } }; Reason = 'NextHopInvalid' }
        @{ Name = 'no column of next hops'; Make = { New-Row | Select-Object -ExcludeProperty NextHop } ; Reason = 'NextHopInvalid' }
        @{ Name = 'no destination'; Make = { New-Row @{ DestinationPrefix = $null } }; Reason = 'DestinationInvalid' }
        @{ Name = 'no port'; Make = { New-Row @{ InterfaceAlias = '' } }; Reason = 'InterfaceNotFound' }
        @{ Name = 'a text'; Make = { 'x' }; Reason = 'DestinationInvalid' }
        @{ Name = 'nothing'; Make = { , $null }; Reason = 'DestinationInvalid' }
        @{ Name = 'a number'; Make = { 5 }; Reason = 'DestinationInvalid' }
        @{ Name = 'an empty hashtable'; Make = { @{} }; Reason = 'DestinationInvalid' }
        @{ Name = '600 characters'; Make = { New-Row @{ NextHop = 'x' * 600 } }; Reason = 'BadRequest' }
        @{ Name = '2 MiB'; Make = { New-Row @{ DestinationPrefix = 'x' * 2MB } }; Reason = 'BadRequest' }
        @{ Name = 'a character of no width'; Make = { New-Row @{ InterfaceAlias = "Port$([char]0x200B)3" } }; Reason = 'BadRequest' }
        @{ Name = 'a destination of the pods'; Make = { New-Row @{ DestinationPrefix = '172.27.1.0/24' } }; Reason = 'ProtectedPrefix' }
    ) {
        $bad = & $Make
        foreach ($rows in @((New-Row), $bad, (New-Row)), @(, $bad)) {
            $answer = @($rows | Test-HcsNetRoute -Quiet -ErrorAction Stop)
            $answer.Count | Should -Be 1
            $answer[0] | Should -BeOfType bool
            $answer[0] | Should -BeFalse
        }
        $results = @((New-Row), $bad, (New-Row) | Test-HcsNetRoute -ErrorAction Stop)
        $results.Accepted | Should -Be $true, $false, $true
        $results[1].Reason | Should -Be $Reason
        $results[1].Message | Should -Not -BeNullOrEmpty
    }
    It 'is True where each row would be accepted, and one answer' {
        $rows = 1..1100 | ForEach-Object { New-Row @{ DestinationPrefix = "10.29.$([math]::Floor($_ / 250)).$($_ % 250)/32" } }
        $answer = @($rows | Test-HcsNetRoute -Quiet -ErrorAction Stop)
        $answer.Count | Should -Be 1
        $answer[0] | Should -BeTrue
        @(Test-HcsNetRoute -InputObject $rows[0], $rows[1] -Quiet) | Should -Be @($true)
    }
    It 'is False without a row, and for what is given empty: <Name>' -ForEach @(
        @{ Name = 'an empty pipeline'; Ask = { @() | Test-HcsNetRoute -Quiet } }
        @{ Name = 'an empty list'; Ask = { Test-HcsNetRoute -InputObject @() -Quiet } }
        @{ Name = '$null'; Ask = { Test-HcsNetRoute -InputObject $null -Quiet } }
        @{ Name = 'a port of $null'; Ask = { Test-HcsNetRoute -InterfaceAlias $null -DestinationPrefix 10.29.1.0/24 -NextHop 192.168.20.1 -Quiet } }
        @{ Name = 'no destination'; Ask = { Test-HcsNetRoute Port3 '' 192.168.20.1 -Quiet } }
        @{ Name = 'a metric of $null beside rows'; Ask = { (New-Row), (New-Row) | Test-HcsNetRoute -RouteMetric $null -Quiet } }
        @{ Name = 'a metric that is no number'; Ask = { Test-HcsNetRoute Port3 10.29.1.0/24 192.168.20.1 abc -Quiet } }
    ) {
        $answer = @(& $Ask)
        $answer.Count | Should -Be 1
        $answer[0] | Should -BeOfType bool
        $answer[0] | Should -BeFalse
    }
    It 'without -Quiet, no row is no result, and what is given empty is an error' {
        @() | Test-HcsNetRoute -ErrorAction Stop | Should -BeNullOrEmpty
        { Test-HcsNetRoute Port3 '' 192.168.20.1 } | Should -Throw -ErrorId 'BadRequest,Test-HcsNetRoute'
    }
    It 'a result shows what the row has: <Metric>' -ForEach @(
        @{ Metric = '0100'; Shown = '0100'; Type = [string] }
        @{ Metric = '70000'; Shown = 70000; Type = [int] }
        @{ Metric = ''; Shown = 256; Type = [int] }
    ) {
        $result = New-Row @{ DestinationPrefix = '172.27.1.0/24'; RouteMetric = $Metric } | Test-HcsNetRoute
        $result.RouteMetric | Should -Be $Shown
        $result.RouteMetric | Should -BeOfType $Type
        $result.InterfaceAlias, $result.DestinationPrefix, $result.NextHop | Should -Be 'Port3', '172.27.1.0/24', '192.168.20.1'
    }
    It 'a request that is refused as a whole is a refusal of each of its rows' {
        $program = Join-Path -Path $TestDrive -ChildPath 'refusing'
        Set-Content -LiteralPath $program -Value @(
            '#!/bin/sh'
            'for id in 1 2; do'
            'echo "{\"v\":1,\"id\":\"$id\",\"type\":\"error\",\"reason\":\"PERMISSION_DENIED\",\"error_id\":\"PermissionDenied\",\"category\":\"PermissionDenied\",\"exit\":6,\"message\":\"no\"}"'
            'echo "{\"v\":1,\"id\":\"$id\",\"type\":\"done\",\"counts\":{\"created\":0,\"updated\":0,\"unchanged\":0,\"removed\":0,\"refused\":1},\"acknowledged\":true,\"revision\":0}"'
            'done'
        )
        & chmod +x $program
        $copy = New-ModuleCopy -Client "program: $program"
        $lines = Invoke-Session @"
Import-Module -Name '$copy'
`$rows = 1..600 | ForEach-Object { [pscustomobject]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.29.`$_.0/24"; NextHop = '192.168.20.1' } }
`$results = @(`$rows | Test-HcsNetRoute)
"`$(`$results.Count) `$(@(`$results.Reason | Select-Object -Unique))"
`$rows | Test-HcsNetRoute -Quiet
"@
        $lines | Should -Be '600 PermissionDenied', 'False'
    }
}
