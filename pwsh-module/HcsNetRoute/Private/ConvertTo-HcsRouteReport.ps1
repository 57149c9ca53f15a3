# Ports, nodes, paths, audit records and events of answers as objects.
function ConvertTo-HcsRouteInterface {
    [OutputType('HcsNetRoute.Interface')]
    param($Port)
    $reason = ConvertTo-HcsRouteWord $Port.reason
    $message = $Port.message
    if ($reason -and (Get-HcsRouteText)['Language'] -ne 'en') {
        $message = Format-HcsRouteText -Key "Reason$reason" -Otherwise $message
    }
    New-HcsRouteObject 'HcsNetRoute.Interface' ([ordered]@{
            InterfaceAlias = $Port.alias
            AcceptsRoutes  = [bool]$Port.eligible
            Reason         = $reason
            Message        = $message
            LinkUp         = $Port.up # $null: not known
            Role           = $Port.role
            Addressing     = $Port.addressing
            IPAddress      = [string[]]@($Port.addresses | Microsoft.PowerShell.Core\Where-Object { $_ })
            Carrier        = $Port.carrier
            VirtualSwitch  = $Port.switch
            Team           = $Port.team
            MacAddress     = $Port.mac
            RouteCount     = [int]$Port.routes
        })
}

function ConvertTo-HcsRouteNode {
    [OutputType('HcsNetRoute.Node')]
    param($Node)
    New-HcsRouteObject 'HcsNetRoute.Node' ([ordered]@{
            Name         = $Node.name
            Role         = $Node.role
            PowerState   = $Node.state
            Connected    = [bool]$Node.connected
            Programmed   = [int]$Node.programmed
            Waiting      = [int]$Node.waiting
            Failed       = [int]$Node.failed
            Problem      = $Node.problem
            Remedy       = $Node.remedy
            Revision     = $Node.revision
            LastReport   = ConvertTo-HcsRouteTime $Node.last_report
            Repairs      = $Node.repairs
            KernelWrites = $Node.kernel_writes
            AgentVersion = $Node.agent_version
            Kernel       = $Node.kernel
            Endpoint     = $Node.endpoint
            Known        = [bool]$Node.known
            Gone         = [bool]$Node.gone
            Id           = $Node.id
        })
}

function ConvertTo-HcsRoutePath {
    [OutputType('HcsNetRoute.Path')]
    param($Path, [string]$RemoteIPAddress)
    New-HcsRouteObject 'HcsNetRoute.Path' ([ordered]@{
            RemoteIPAddress   = $RemoteIPAddress
            Node              = $Path.node
            DestinationPrefix = $Path.destination
            NextHop           = $Path.next_hop
            InterfaceAlias    = $Path.interface
            RouteMetric       = [int]$Path.metric
            IsCustom          = [bool]$Path.ours
            Protocol          = $Path.protocol
            Link              = $Path.link
            SourceAddress     = $Path.source
            Problem           = $Path.problem
        })
}

function ConvertTo-HcsRouteAudit {
    [OutputType('HcsNetRoute.AuditRecord')]
    param($Record)
    New-HcsRouteObject 'HcsNetRoute.AuditRecord' ([ordered]@{
            Time        = ConvertTo-HcsRouteTime $Record.time
            Actor       = $Record.actor
            OnBehalfOf  = $Record.on_behalf_of
            Action      = $Record.action
            # Flat text, so that Export-Csv writes the routes and not a type.
            Before      = @($Record.before) -join '; '
            After       = @($Record.after) -join '; '
            Items       = [int]$Record.items
            Refused     = [int]$Record.refused
            Note        = $Record.note
            Origin      = $Record.origin
            Revision    = $Record.revision
            Sequence    = $Record.sequence
            RequestId   = $Record.request_id
            ItemsDigest = $Record.items_digest
            Hash        = $Record.hash
            Certificate = $Record.certificate
            Damaged     = $Record.damaged
        })
}

function ConvertTo-HcsRouteEvent {
    [OutputType('HcsNetRoute.Event')]
    param($Answer)
    $route = if ($Answer.route) { ConvertTo-HcsRoute $Answer.route }
    New-HcsRouteObject 'HcsNetRoute.Event' ([ordered]@{
            Kind              = ConvertTo-HcsRouteWord $Answer.kind
            InterfaceAlias    = $route.InterfaceAlias
            DestinationPrefix = $route.DestinationPrefix
            NextHop           = $route.NextHop
            RouteMetric       = $route.RouteMetric
            State             = $route.State
            Reason            = $route.Reason
            Detail            = $route.Detail
            Revision          = $Answer.revision
            Time              = Microsoft.PowerShell.Utility\Get-Date
            Route             = $route
            Previous          = if ($Answer.previous) { ConvertTo-HcsRoute $Answer.previous }
        })
}
