local World = require 'world'

local TEXT = '{"type":"job_progress","job_id":"j","text":"%s"}'

local function open(world, limits)
    return world.require("Outbox").open(world.folder .. "/data", limits)
end

local function add(outbox, kind, job, name)
    return outbox:add(kind, job, TEXT:format(name))
end

local function names(outbox)
    local found = {}
    for _, event in ipairs(outbox.events) do
        table.insert(found, event.text:match('"text":"([^"]*)"'))
    end
    return table.concat(found, " ")
end

local function files(world)
    local list = {}
    for name in lfs.dir(world.folder .. "/data") do
        if name:find("journal") then table.insert(list, name) end
    end
    table.sort(list)
    return list
end

local function path(world)
    local list = files(world)
    expect(#list, 1)
    return world.folder .. "/data/" .. list[1]
end

local function read(file)
    local handle = assert(io.open(file, "rb"))
    local text = handle:read("*a")
    handle:close()
    return text
end

local function write(file, text)
    local handle = assert(io.open(file, "wb"))
    handle:write(text)
    handle:close()
end

it("has after a crash what was added before", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 20 do
        assert(add(outbox, "m", "job with spaces ü", "e" .. index))
    end
    world:restart()
    local again = open(world)
    expect(names(again), names(outbox))
    expect(again.events[7].job, "job with spaces ü")
    expect(again.events[7].kind, "m")
    expect(world.dialogs, {})
end)

it("keeps what is done, refused and offered apart, and goes on with the numbers", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 6 do
        add(outbox, "t", "j", index)
    end
    outbox:acknowledge((outbox:batch(2, 1000)))
    local batch = outbox:batch(2, 1000)
    outbox:discard(batch[2])
    world:restart()
    local again = open(world)
    expect(names(again), "3 5 6")
    expect(again.offered, 4)
    add(again, "t", "j", "7")
    expect(again.events[4].number, 7)
end)

it("gives batches that are bounded in events and bytes, but never empty ones", function()
    local outbox = open(World.new(newFolder()))
    for index = 1, 5 do
        add(outbox, "t", "j", index)
    end
    expect(#outbox:batch(3, 10000), 3)
    expect(#outbox:batch(5, 2 * outbox.events[1].size), 2)
    expect(#outbox:batch(5, 1), 1)
end)

it("loses of a journal that is cut within a line only that line's event, wherever it is cut", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 4 do
        add(outbox, "t", "j", index)
    end
    outbox:acknowledge((outbox:batch(1, 1000)))
    local file = path(world)
    local whole = read(file)
    local cutWithin = 0
    for length = 0, #whole do
        local text = whole:sub(1, length)
        os.remove(path(world))
        write(file, text)
        local cut = World.new(world.folder)
        local again = open(cut)
        local _, lines = text:gsub("E %d+ t [^\n]*\n", "")
        local isAcknowledged = text:find("D 1\n", 1, true)
        expect(again:count(), lines - (isAcknowledged and 1 or 0), "cut at " .. length)
        local isCutWithin = text ~= "" and text:sub(-1) ~= "\n"
        cutWithin = cutWithin + (isCutWithin and 1 or 0)
        expect(cut:countLogged("ends within a line") > 0, isCutWithin)
        assert(add(again, "t", "j", "new"))
        expect(open(World.new(world.folder)):count(), again:count(), "the journal goes on after the cut")
    end
    expect(cutWithin > 100, true)
end)

it("leaves out lines that are damaged, says how many, and keeps the others", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 3 do
        add(outbox, "t", "j", index)
    end
    local file = path(world)
    write(file, (read(file):gsub('"text":"2"', '"te\255":"2', 1)))
    local again = World.new(world.folder)
    expect(names(open(again)), "1 3")
    expectPart(again:logText(), "damaged: 1")
    write(file, "\0\1\2 no journal at all \n\255\n")
    expect(open(World.new(world.folder)):count(), 0)
end)

it("does not grow for ever: what is done is left behind", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    local text = ("x"):rep(1000)
    for _ = 1, 40 do
        for _ = 1, 50 do
            add(outbox, "t", "j", text)
        end
        outbox:acknowledge((outbox:batch(50, 10 ^ 6)))
    end
    expect(outbox.journal.size < 512 * 1024, true)
    expect(lfs.attributes(path(world), "size"), outbox.journal.size)
end)

it("does not grow for ever while nothing is taken: what was thinned is left behind", function()
    local world = World.new(newFolder())
    local outbox = open(world, { events = 500, bytes = 10 ^ 9 })
    local text = ("x"):rep(1000)
    for _ = 1, 20000 do
        assert(add(outbox, "t", "j", text))
    end
    expect(outbox.journal.size < 2 * outbox.bytes + 512 * 1024, true)
    expect(lfs.attributes(path(world), "size"), outbox.journal.size)
end)

-- Everything that must be true of an outbox that was opened after a crash.
local function expectKept(world, added, done, what)
    local again = open(World.new(world.folder))
    local found = {}
    for name in names(again):gmatch("%S+") do
        table.insert(found, tonumber(name))
    end
    for index = 2, #found do
        expect(found[index] > found[index - 1], true, what .. ": order")
    end
    local present = {}
    for _, name in ipairs(found) do
        present[name] = true
    end
    for name = 1, added do
        if name > done then expect(present[name], true, what .. ": event " .. name .. " of " .. added) end
    end
    return #found
end

it("loses nothing whatever operation of the disk a crash chooses, rewriting included", function()
    local crashes, rewrites = 0, 0
    for crashAt = 1, 400 do
        local world = World.new(newFolder())
        local Outbox = world.require("Outbox")
        world.operations, world.crashAt = 0, crashAt
        local added, done = 0, 0
        local ok = pcall(function()
            local outbox = Outbox.open(world.folder .. "/data")
            for round = 1, 12 do
                for _ = 1, 8 do
                    add(outbox, "m", "j", added + 1)
                    added = added + 1
                end
                outbox:acknowledge((outbox:batch(5, 10000)))
                done = done + 5
                if round % 3 == 0 then
                    outbox:rewrite()
                    rewrites = rewrites + 1
                end
            end
        end)
        crashes = crashes + (ok and 0 or 1)
        -- What was being acknowledged when it crashed may still be there: it is posted again, under its id.
        local count = expectKept(world, added, ok and done or done + 5, "crash at " .. crashAt)
        expect(count <= added - done + 1 + (ok and 0 or 5), true)
        if ok then break end
    end
    expect(crashes > 100, true)
    expect(rewrites > 100, true)
end)

it("is in memory while the disk is full, says so once, and is on the disk again afterwards", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    add(outbox, "m", "j", 1)
    world.isDiskFull = true
    for index = 2, 30 do
        assert(add(outbox, "m", "j", index))
    end
    expect(world:countLogged("in memory only"), 1)
    world.isDiskFull = false
    world:pass(11)
    add(outbox, "m", "j", 31)
    expect(world:countLogged("on the disk again"), 1)
    expect(names(open(World.new(world.folder))), names(outbox))
end)

it("does not bring back what was done when an old file could not be deleted", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 4 do
        add(outbox, "m", "j", index)
    end
    world.cannotDelete = "outbox-"
    outbox:acknowledge((outbox:batch(2, 1000)))
    outbox:rewrite()
    outbox:acknowledge((outbox:batch(1, 1000)))
    expect(#files(world), 2)
    world.cannotDelete = nil
    local again = open(World.new(world.folder))
    expect(names(again), "4")
    add(again, "m", "j", 5)
    expect(#files(world), 1)
end)

it("does not bring back what was refused when only the oldest file could not be deleted", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    for index = 1, 4 do
        add(outbox, "m", "j", index)
    end
    world.cannotDelete = files(world)[1]
    outbox:rewrite()
    outbox:discard(outbox.events[2])
    outbox:rewrite()
    expect(#files(world), 2)
    expect(names(open(World.new(world.folder))), "1 3 4")
end)

-- Thinning.

it("thins the oldest progress when it is full, and never a milestone", function()
    local world = World.new(newFolder())
    local outbox = open(world, { events = 100, bytes = 10 ^ 9 })
    add(outbox, "m", "j", "start")
    for index = 1, 99 do
        expect({ add(outbox, "t", "j", index) }, { true, 0 })
    end
    expect({ add(outbox, "m", "j", "stage") }, { true, 5 })
    expect(outbox:count(), 96)
    expectPart(names(outbox), "start 2 4 6 8 10 11 12")
    for index = 1, 1000 do
        assert(add(outbox, "t", "j", "later" .. index))
        if index % 100 == 0 then assert(add(outbox, "m", "j", "milestone" .. index)) end
    end
    expect(outbox:count() <= 100, true)
    for _, milestone in ipairs({ "start", "stage", "milestone100", "milestone1000", "later1000" }) do
        expectPart(" " .. names(outbox) .. " ", " " .. milestone .. " ")
    end
end)

-- How many events there are, those counted that were left out before each.
local function accountedFor(events)
    local total = 0
    for _, event in ipairs(events) do
        total = total + 1 + event.thinned
    end
    return total
end

it("says in the next event of the job how many were left out before it, and loses count of none", function()
    local world = World.new(newFolder())
    local outbox = open(world, { events = 50, bytes = 10 ^ 9 })
    for index = 1, 2000 do
        assert(add(outbox, "t", "job" .. index % 3, index))
    end
    expect(accountedFor(outbox.events), 2000)
    local _, texts = outbox:batch(1, 10000)
    expectPart(texts[1], '{"thinned":')
    world:restart()
    local again = open(world, { events = 50, bytes = 10 ^ 9 })
    expect(accountedFor(again.events), 2000)
    expect(names(again), names(outbox))
    local bytes = 0
    for _, event in ipairs(outbox.events) do
        bytes = bytes + event.size
    end
    expect(outbox.bytes, bytes)
    expect(again.bytes, bytes)
end)

it("thins by bytes as well", function()
    local outbox = open(World.new(newFolder()), { events = 10 ^ 6, bytes = 100000 })
    local text = ("x"):rep(1000)
    for _ = 1, 500 do
        assert(add(outbox, "t", "j", text))
        expect(outbox.bytes <= 100000, true)
    end
    expect(accountedFor(outbox.events), 500)
    expect(outbox:count() > 80, true)
end)

it("changes nothing that the server may have seen", function()
    local outbox = open(World.new(newFolder()), { events = 10, bytes = 10 ^ 9 })
    for index = 1, 10 do
        add(outbox, "t", "j", index)
    end
    local batch, texts = outbox:batch(6, 10000)
    for index = 11, 30 do
        add(outbox, "t", "j", index)
    end
    local again, same = outbox:batch(6, 10000)
    expect(same, texts)
    outbox:acknowledge(batch)
    expect(again[1] == batch[1], true)
end)

it("takes no more when it is full of milestones, and leaves those that it has", function()
    local outbox = open(World.new(newFolder()), { events = 5, bytes = 10 ^ 9 })
    for index = 1, 5 do
        add(outbox, "m", "j", index)
    end
    expect(add(outbox, "m", "j", "more"), nil)
    expect(add(outbox, "t", "j", "more"), nil)
    expect(names(outbox), "1 2 3 4 5")
    outbox:acknowledge((outbox:batch(1, 1000)))
    expect(add(outbox, "m", "j", "6"), true)
end)

it("keeps of each job the last that is known of it", function()
    local outbox = open(World.new(newFolder()), { events = 20, bytes = 10 ^ 9 })
    for index = 1, 15 do
        add(outbox, "t", "quiet" .. index, "q" .. index)
    end
    for index = 1, 100 do
        assert(add(outbox, "t", "busy", index))
    end
    expectPart(names(outbox), "q1 q2 q3")
    expectPart(names(outbox), "q15")
    expectPart(names(outbox), "100")
end)

it("is quick enough for Lightroom's interface when it is full", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    local slowest, began = 0, os.clock()
    for index = 1, 30000 do
        local before = os.clock()
        assert(add(outbox, "t", "job" .. index % 50, index))
        slowest = math.max(slowest, os.clock() - before)
    end
    expect(outbox:count() <= 10000, true)
    expect(slowest < 0.5, true, "slowest call " .. slowest .. " s")
    expect(os.clock() - began < 30, true)
end)

it("control: an outbox that is not journaled has nothing after a crash", function()
    local world = World.new(newFolder())
    local outbox = open(world)
    add(outbox, "m", "j", 1)
    outbox.journal.append = function()
        return true
    end
    add(outbox, "m", "j", 2)
    expect(names(open(World.new(world.folder))), "1")
end)
