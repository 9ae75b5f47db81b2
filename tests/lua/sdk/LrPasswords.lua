--- See Namespace LrPasswords of the SDK.

return function(world)
    local LrPasswords = {}

    function LrPasswords.retrieve(key, salt, id)
        assert(type(key) == "string", "LrPasswords.retrieve: the key must be a string")
        assert(salt == nil or type(salt) == "string", "LrPasswords.retrieve: the salt must be a string")
        assert(id == nil or type(id) == "string", "LrPasswords.retrieve: the id must be a string")
        if world.keyStoreFails then error("the key store cannot be opened") end
        return world.passwords[key]
    end

    function LrPasswords.store(key, password, salt, id)
        assert(type(key) == "string" and type(password) == "string", "LrPasswords.store: key and password are strings")
        assert(salt == nil or type(salt) == "string", "LrPasswords.store: the salt must be a string")
        assert(id == nil or type(id) == "string", "LrPasswords.store: the id must be a string")
        world.passwords[key] = password
    end

    return LrPasswords
end
