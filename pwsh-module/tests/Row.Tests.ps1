# What is in a row costs that row: whatever it is, each good row beside it is carried out.
Describe 'Rows' {
    BeforeAll {
        . $PSScriptRoot/Common.ps1
        Import-Module -Name HcsNetRoute -Force
        # A row of the test's own network; text in the place of a part makes another of it.
        function New-Row {
            param([int]$Number, [hashtable]$Part = @{})
            $row = [ordered]@{ InterfaceAlias = 'Port3'; DestinationPrefix = "10.28.$Number.0/24"; NextHop = '192.168.20.1'; RouteMetric = '100' }
            foreach ($name in $Part.Keys) { $row[$name] = $Part[$name] }
            [pscustomobject]$row
        }
        function Get-Stored { @(Get-HcsNetRoute | Where-Object State -NE 'Removing').DestinationPrefix }
    }
    BeforeEach { Clear-Route }
    AfterAll { Clear-Route }

    It 'a bad row of a file is refused by the service, and costs no other: <Preference>' -ForEach @{ Preference = 'SilentlyContinue' }, @{ Preference = 'Stop' } {
        $file = Join-Path -Path $TestDrive -ChildPath 'rows.csv'
        Set-Content -LiteralPath $file -Value @(
            'InterfaceAlias,DestinationPrefix,NextHop,RouteMetric'
            'Port3,10.28.1.0/24,192.168.20.1,100'
            'Port3,10.28.2.0/24,192.168.20.1,abc'
            'Port3,10.28.3.0/24,192.168.20.1,70000'
            'Port3,10.28.4.0/24,192.168.20.1,-1'
            'Port3,10.28.5.0/24,192.168.20.1,1.5'
            'Port3,10.28.6.0/24,192.168.20.1,99999999999999999999'
            'Port3,10.28.7.0/24,,100'
            'Port3,,192.168.20.1,100'
            ',10.28.8.0/24,192.168.20.1,100'
            'Port3,10.28.9.0/24,192.168.20.1,'
            'Port3,10.28.10.0/24'
            'Port3,10.28.11.0/24,192.168.20.1,0'
            'Port3,10.28.12.0/24,192.168.20.1,65535'
        )
        $caught = try { Import-Csv -LiteralPath $file | Add-HcsNetRoute -ErrorAction $Preference -ErrorVariable refused } catch { $_ }
        Get-Stored | Should -Be '10.28.1.0/24', '10.28.9.0/24', '10.28.12.0/24'
        if ($Preference -eq 'Stop') {
            $caught.FullyQualifiedErrorId | Should -Be 'MetricOutOfRange,Add-HcsNetRoute'
            $caught.TargetObject.RouteMetric | Should -Be 'abc'
            $caught.Exception.Data['Refused'].Count | Should -Be 9 -Because 'Stop hides the others'
            "$($caught.Exception.Data['Refused'])" | Should -Match '70000'
            $caught.ErrorDetails.RecommendedAction | Should -Match '9 more rows were refused'
            return
        }
        $refused.FullyQualifiedErrorId | Should -Be (@('MetricOutOfRange') * 5 + 'NextHopInvalid', 'DestinationInvalid', 'InterfaceNotFound', 'NextHopInvalid', 'MetricOutOfRange' |
                ForEach-Object { "$_,Add-HcsNetRoute" })
        $refused[0].TargetObject.RouteMetric | Should -Be 'abc'
        $refused[5].TargetObject.DestinationPrefix | Should -Be '10.28.7.0/24'
        "$($refused[1])" | Should -Match '70000'
    }
    It 'the error of a row that lacks a property says what it has: <_>' -ForEach 'Add', 'Set', 'Remove' {
        'InterfaceAlias;DestinationPrefix;NextHop;RouteMetric', 'Port3;10.28.1.0/24;192.168.20.1;100' | ConvertFrom-Csv | & "$_-HcsNetRoute" -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.Count | Should -Be 1
        $refused[0].ErrorDetails.RecommendedAction | Should -Match '^The row has no (InterfaceAlias|DestinationPrefix)\. It has InterfaceAlias;DestinationPrefix;NextHop;RouteMetric\. .*-Delimiter'
        New-Row 1 | Select-Object -Property InterfaceAlias, DestinationPrefix, RouteMetric | Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].ErrorDetails.RecommendedAction | Should -Match '^The row has no NextHop\. It has InterfaceAlias, DestinationPrefix, RouteMetric\.'
        $refused[0].ErrorDetails.RecommendedAction | Should -Not -Match 'Delimiter'
        New-Row 1 @{ NextHop = '' } | Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].ErrorDetails.RecommendedAction | Should -Not -Match 'The row'
    }
    It 'what is no route at all is a row that the service refuses: <Command>' -ForEach @(
        @{ Command = 'Add'; Parameter = @{}; Before = @(); After = '10.28.1.0/24', '10.28.2.0/24' }
        @{ Command = 'Set'; Parameter = @{ RouteMetric = 300 }; Before = 1, 2; After = '10.28.1.0/24', '10.28.2.0/24' }
        @{ Command = 'Remove'; Parameter = @{}; Before = 1, 2; After = @() }
    ) {
        $Before | ForEach-Object { New-Row $_ } | Add-HcsNetRoute
        $rows = (New-Row 1), 'x', '', $null, 5, @{}, (Get-Date), @('a', 'b'), ([pscustomobject]@{ InterfaceAlias = @('Port3', 'Port2') }), (New-Row 2)
        $rows | & "$Command-HcsNetRoute" @Parameter -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.Count | Should -Be 9 -Because 'a list in the pipeline is several rows'
        $refused.FullyQualifiedErrorId | Select-Object -Unique | Should -BeIn "DestinationInvalid,$Command-HcsNetRoute", "InterfaceNotFound,$Command-HcsNetRoute", "BadRequest,$Command-HcsNetRoute"
        $refused[0].TargetObject | Should -Be 'x'
        Wait-Until { "$(Get-Stored)" -eq "$After" }
    }
    It 'a text that is too long or cannot be printed costs its row: <Command>, <Name>' -ForEach @(
        foreach ($command in 'Add', 'Set', 'Remove') {
            @{ Command = $command; Name = '600 characters'; Text = 'x' * 600 }
            @{ Command = $command; Name = '3 bytes each'; Text = "$([char]0xD3EC)" * 300 }
            @{ Command = $command; Name = '2 MiB'; Text = 'x' * 2MB }
            @{ Command = $command; Name = '2 MiB to be escaped'; Text = "$([char]7)" * 2MB }
            @{ Command = $command; Name = 'no width'; Text = "Port$([char]0x200B)3" }
            @{ Command = $command; Name = 'half a character'; Text = "Port3$([char]0xD83D)" }
        }
    ) {
        $fields = @{ Add = 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric'; Set = 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'NewNextHop', 'Revision'
            Remove = 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'Revision'
        }[$Command]
        if ($Command -ne 'Add') { 1, 2 | ForEach-Object { New-Row $_ @{ RouteMetric = '200' } } | Add-HcsNetRoute }
        $rows = @(New-Row 1; foreach ($field in $fields) { New-Row 3 @{ $field = $Text } }; New-Row 2)
        $rows | & "$Command-HcsNetRoute" -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.Count | Should -Be $fields.Count
        for ($i = 0; $i -lt $fields.Count; $i++) { [string]::Equals($refused[$i].TargetObject.($fields[$i]), $Text) | Should -BeTrue -Because 'each target is the row as it was' }
        foreach ($one in $refused) { "$one".Length | Should -BeLessThan 2000 }
        $metrics = @(Get-HcsNetRoute | Where-Object State -NE 'Removing').RouteMetric
        if ($Command -eq 'Remove') { $metrics | Should -BeNullOrEmpty } else { $metrics | Should -Be 100, 100 }
    }
    It 'many long cells are more than one line, and one process' {
        $rows = @(1..5 | ForEach-Object { New-Row $_ }) + @(1..800 | ForEach-Object { New-Row 9 @{ InterfaceAlias = "$([char]7)" * 600 } }) + @(6..9 | ForEach-Object { New-Row $_ })
        $rows | Add-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.Count | Should -Be 800
        $refused[799].TargetObject | Should -Be $rows[804]
        @(Get-Stored).Count | Should -Be 9
    }
    It 'takes hashtables, ifAlias, and a list of rows by -InputObject' {
        @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.28.1.0/24'; NextHop = '192.168.20.1' } | Add-HcsNetRoute -ErrorAction Stop
        [pscustomobject]@{ ifAlias = 'Port3'; DestinationPrefix = '10.28.2.0/24'; NextHop = '192.168.20.1'; RouteMetric = 7 } | Add-HcsNetRoute -ErrorAction Stop
        Add-HcsNetRoute -InputObject (New-Row 3), (New-Row 4) -ErrorAction Stop
        Get-Stored | Should -Be (1..4 | ForEach-Object { "10.28.$_.0/24" })
        (Get-HcsNetRoute -DestinationPrefix 10.28.2.0/24).RouteMetric | Should -Be 7
        Add-HcsNetRoute -InputObject @() -ErrorAction Stop | Should -BeNullOrEmpty
    }
    It 'what is given explicitly wins over the rows, by name and by position' {
        (New-Row 1 @{ InterfaceAlias = 'Port9' }), (New-Row 2 @{ InterfaceAlias = '' }) | Add-HcsNetRoute Port3 -RouteMetric 9 -ErrorAction Stop
        @(Get-HcsNetRoute).RouteMetric | Should -Be 9, 9
        (New-Row 1), (New-Row 2) | Set-HcsNetRoute -RouteMetric 10 -ErrorAction Stop
        @(Get-HcsNetRoute).RouteMetric | Should -Be 10, 10
        New-Row 1 @{ InterfaceAlias = 'Port9'; NextHop = '' } | Remove-HcsNetRoute Port3 10.28.1.0/24, 10.28.2.0/24 -ErrorAction Stop
        Wait-Until { -not @(Get-HcsNetRoute) }
    }
    It 'an empty cell is not given: the next hop of <Command> that is not needed' -ForEach @{ Command = 'Set' }, @{ Command = 'Remove' } {
        New-Row 1 | Add-HcsNetRoute
        $parameter = if ($Command -eq 'Set') { @{ PassThru = $true; RouteMetric = 5 } } else { @{ PassThru = $true } }
        $route = New-Row 1 @{ NextHop = ''; RouteMetric = ''; Revision = ''; NewNextHop = '' } | & "$Command-HcsNetRoute" @parameter -ErrorAction Stop
        $route.NextHop | Should -Be '192.168.20.1'
    }
    It 'a row that changes nothing costs no other of Set' {
        (New-Row 1), (New-Row 2) | Add-HcsNetRoute
        (New-Row 1 @{ RouteMetric = '' }), (New-Row 2 @{ RouteMetric = '55' }) | Set-HcsNetRoute -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.FullyQualifiedErrorId | Should -Be 'BadRequest,Set-HcsNetRoute'
        $refused[0].TargetObject.DestinationPrefix | Should -Be '10.28.1.0/24'
        @(Get-HcsNetRoute).RouteMetric | Should -Be 100, 55
    }
    It 'a parameter that is given empty is refused before any call: <Command> -<Name> <Shown>' -ForEach @(
        foreach ($command in 'Add', 'Set', 'Remove', 'Test') {
            foreach ($name in 'InterfaceAlias', 'DestinationPrefix', 'NextHop', 'RouteMetric', 'NewNextHop') {
                if (($name -eq 'NewNextHop' -and $command -ne 'Set') -or ($name -eq 'RouteMetric' -and $command -eq 'Remove')) { continue }
                @{ Command = $command; Name = $name; Value = $null; Shown = '$null' }
                @{ Command = $command; Name = $name; Value = ''; Shown = "''" }
                @{ Command = $command; Name = $name; Value = ' '; Shown = "' '" }
                if ($command -eq 'Remove' -or ($command -eq 'Set' -and $name -in 'InterfaceAlias', 'DestinationPrefix')) {
                    @{ Command = $command; Name = $name; Value = @(); Shown = '@()' }
                    @{ Command = $command; Name = $name; Value = @('Port3', $null); Shown = "@('Port3', `$null)" }
                }
            }
        }
    ) {
        New-Row 1 | Add-HcsNetRoute
        $given = @{ InterfaceAlias = 'Port3'; DestinationPrefix = '10.28.1.0/24'; NextHop = '192.168.20.1'; RouteMetric = 9 }
        if ($Command -eq 'Remove') { $given.Remove('RouteMetric') }
        $given[$Name] = $Value
        $caught = try { & "$Command-HcsNetRoute" @given } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -Be "BadRequest,$Command-HcsNetRoute"
        $caught.Exception.Data['Field'] | Should -Be $Name
        "$caught" | Should -Match "^$Name was given without a value"
        $piped = @{ $Name = $Value }
        { Get-HcsNetRoute | & "$Command-HcsNetRoute" @piped } | Should -Throw -ErrorId "BadRequest,$Command-HcsNetRoute"
        (Get-HcsNetRoute).RouteMetric | Should -Be 100
    }
}
